import { type BalancerNodeView, BatonError, type NodeEventBody } from '@baton/core'
import { bounded, type EffectContext } from './context.ts'

const pollMs = 25
/** How long a WebSocket may take to close once it was told to. */
const closingMs = 2_000

/**
 * Takes a node out and waits for the evidence: zero in flight or, from a balancer that does not count, its own word that the
 * node is drained. At the deadline long-lived connections are closed; what is in flight even then makes the step fail, or is
 * cut off and said so, as `onDrainTimeout` has it.
 */
export async function drain(context: EffectContext, id: string): Promise<NodeEventBody> {
  const { drainTimeoutMs, onDrainTimeout } = context.state().plan.rollout
  await bounded(context, (call) => context.balancer.set(id, { admin: 'out' }, call))
  const since = context.clock.now()
  let closed = 0
  const drained = (left: number | null, facts: { readonly forced: boolean; readonly waitedMs: number }) =>
    ({ type: 'node.drained', node: id, inflight: left === null ? null : left + closed, ...facts }) as const
  for (;;) {
    const { state, inflight, longLived } = await inspectNode(context, id)
    const waitedMs = context.clock.now() - since
    const isDrained = inflight === null ? state === 'drained' : inflight === 0
    if (isDrained) return drained(inflight, { forced: closed > 0, waitedMs })
    if (waitedMs > drainTimeoutMs && longLived > 0 && closed === 0) {
      closed = longLived
      await bounded(context, (call) => context.balancer.closeLongLived(id, call))
    }
    if (waitedMs > drainTimeoutMs + (closed > 0 ? closingMs : 0)) {
      if (onDrainTimeout === 'abort') throw drainTimeout(id, inflight, drainTimeoutMs)
      return drained(inflight, { forced: true, waitedMs })
    }
    await context.clock.sleep(pollMs, context.signal)
  }
}

/** What the balancer says of one node; in flight is null only from one that never counts. */
async function inspectNode(context: EffectContext, id: string): Promise<BalancerNodeView> {
  const view = await bounded(context, (call) => context.balancer.inspect(call))
  const node = view.nodes.find((each) => each.id === id)
  if (node === undefined) {
    throw new BatonError('node-not-in-balancer', `the balancer does not know ${id}`, {
      hint: "give it the nodes of baton.yaml: restart `baton up`, or install the balancer's configuration again",
    })
  }
  if (node.inflight === null && context.balancer.supports.inflight) {
    throw new BatonError('inflight-unknown', `the balancer cannot tell what is in flight on ${id}`, {
      hint: 'run `baton check`: this driver cannot drain on evidence',
    })
  }
  return node
}

function drainTimeout(id: string, inflight: number | null, drainTimeoutMs: number): BatonError {
  const waited = `after ${drainTimeoutMs / 1000} s`
  return new BatonError('drain-timeout', `${leftOn(id, inflight)} ${waited}`, {
    hint: 'raise rollout.drainTimeout, or set rollout.onDrainTimeout: force to cut off what is left',
  })
}

function leftOn(id: string, inflight: number | null): string {
  if (inflight === null) return `nothing shows that ${id} is drained, and this balancer cannot count what is in flight,`
  return `${inflight === 1 ? '1 request is' : `${inflight} requests are`} still in flight on ${id}`
}
