import { BatonError, type NodeEventBody, progressOf } from '@baton/core'
import { bounded, type EffectContext } from './context.ts'

const pollMs = 25
const deadlineMs = 10_000

/** Puts a node back at its weight and waits until the balancer itself says that it serves. */
export async function join(context: EffectContext, id: string): Promise<NodeEventBody> {
  const { weight } = progressOf(context.state(), id).planned
  await bounded(context, (call) => context.balancer.set(id, { admin: 'in', weight }, call))
  const since = context.clock.now()
  for (;;) {
    const view = await bounded(context, (call) => context.balancer.inspect(call))
    const state = view.nodes.find((each) => each.id === id)?.state ?? 'unknown'
    if (state === 'serving') return { type: 'node.joined', node: id }
    if (context.clock.now() - since > deadlineMs) {
      throw new BatonError('not-serving', `${id} was put back, but the balancer says it is ${state}`, {
        hint: 'compare the health check of the balancer with the one of baton.yaml (`baton check`)',
      })
    }
    await context.clock.sleep(pollMs, context.signal)
  }
}
