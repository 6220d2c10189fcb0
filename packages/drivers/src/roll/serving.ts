import { BatonError, type NodeState } from '@baton/core'
import { bounded, type EffectContext } from './context.ts'

const pollMs = 25
const deadlineMs = 10_000

/** Tells the balancer to let a node serve at this weight, and waits until it says itself that the node serves. */
export async function serveAt(context: EffectContext, id: string, weight: number): Promise<void> {
  await bounded(context, (call) => context.balancer.set(id, { admin: 'in', weight }, call))
  const since = context.clock.now()
  for (;;) {
    const state = await stateInBalancer(context, id)
    if (state === 'serving') return
    if (context.clock.now() - since > deadlineMs) {
      throw notServing(`${id} was put back, but the balancer says it is ${state}`)
    }
    await context.clock.sleep(pollMs, context.signal)
  }
}

/** Why a node that was put back no longer serves; null while it does. */
export async function leftService(context: EffectContext, id: string): Promise<BatonError | null> {
  const state = await stateInBalancer(context, id)
  return state === 'serving' ? null : notServing(`${id} served, and now the balancer says it is ${state}`)
}

async function stateInBalancer(context: EffectContext, id: string): Promise<NodeState> {
  const view = await bounded(context, (call) => context.balancer.inspect(call))
  return view.nodes.find((each) => each.id === id)?.state ?? 'unknown'
}

function notServing(message: string): BatonError {
  return new BatonError('not-serving', message, {
    hint: 'compare the health check of the balancer with the one of baton.yaml (`baton check`)',
  })
}
