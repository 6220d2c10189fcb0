import { type BalancerNodeView, BatonError, type NodeEventBody } from '@baton/core'
import { bounded, type EffectContext } from './context.ts'

const pollMs = 25
/** How long a WebSocket may take to close once it was told to. */
const closingMs = 2_000

/**
 * Takes a node out and waits for the evidence: zero in flight. At the deadline long-lived connections are closed; what is
 * in flight even then makes the step fail, or is cut off and said so, as `onDrainTimeout` has it.
 */
export async function drain(context: EffectContext, id: string): Promise<NodeEventBody> {
  const { drainTimeoutMs, onDrainTimeout } = context.state().plan.rollout
  await bounded(context, (call) => context.balancer.set(id, { admin: 'out' }, call))
  const since = context.clock.now()
  let closed = 0
  for (;;) {
    const { inflight, longLived } = await inspectNode(context, id)
    const waitedMs = context.clock.now() - since
    if (inflight === 0) return { type: 'node.drained', node: id, inflight: closed, forced: closed > 0, waitedMs }
    if (waitedMs > drainTimeoutMs && longLived > 0 && closed === 0) {
      closed = longLived
      await bounded(context, (call) => context.balancer.closeLongLived(id, call))
    }
    if (waitedMs > drainTimeoutMs + (closed > 0 ? closingMs : 0)) {
      if (onDrainTimeout === 'abort') throw drainTimeout(id, inflight, drainTimeoutMs)
      return { type: 'node.drained', node: id, inflight: inflight + closed, forced: true, waitedMs }
    }
    await context.clock.sleep(pollMs, context.signal)
  }
}

/** What the balancer says of one node, with in flight as a number. */
async function inspectNode(context: EffectContext, id: string): Promise<BalancerNodeView & { inflight: number }> {
  const view = await bounded(context, (call) => context.balancer.inspect(call))
  const node = view.nodes.find((each) => each.id === id)
  if (node === undefined) {
    throw new BatonError('node-not-in-balancer', `the balancer does not know ${id}`, {
      hint: 'restart `baton up` so that the balancer has the nodes of baton.yaml',
    })
  }
  if (node.inflight === null) {
    throw new BatonError('inflight-unknown', `the balancer cannot tell what is in flight on ${id}`, {
      hint: 'run `baton check`: this driver cannot drain on evidence',
    })
  }
  return { ...node, inflight: node.inflight }
}

function drainTimeout(id: string, inflight: number, drainTimeoutMs: number): BatonError {
  const requests = inflight === 1 ? '1 request is' : `${inflight} requests are`
  return new BatonError('drain-timeout', `${requests} still in flight on ${id} after ${drainTimeoutMs / 1000} s`, {
    hint: 'raise rollout.drainTimeout, or set rollout.onDrainTimeout: force to cut them off',
  })
}
