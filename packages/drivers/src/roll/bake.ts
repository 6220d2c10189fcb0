import { BatonError, type NodeEventBody } from '@baton/core'
import { assertNotCrashed, bounded, type EffectContext } from './context.ts'

/** Watches a node under real traffic: leaving health now counts as a failure of the release. */
export async function bake(context: EffectContext, id: string): Promise<NodeEventBody> {
  const { intervalMs, fall } = context.health
  const { node, probe } = context.node(id)
  const until = context.clock.now() + context.state().plan.rollout.bakeMs
  let badInARow = 0
  while (context.clock.now() < until) {
    await context.clock.sleep(Math.min(intervalMs, Math.max(1, until - context.clock.now())), context.signal)
    await assertNotCrashed(context, id)
    const result = await bounded(context, ({ signal }) => probe.check(signal))
    badInARow = result.healthy ? 0 : badInARow + 1
    if (badInARow >= fall) {
      throw new BatonError('left-health', `${id} was healthy and no longer is: ${result.reason}`, {
        hint: 'see the last lines of its log',
        log: await node.logTail(20),
      })
    }
  }
  await assertNotCrashed(context, id)
  return { type: 'node.baked', node: id }
}
