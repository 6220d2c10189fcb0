import type { NodeEventBody } from '@baton/core'
import type { EffectContext } from './context.ts'
import { watch } from './watch.ts'

/** Watches a node for the time of `rollout.bake`: leaving health now counts as a failure of the release. */
export async function bake(context: EffectContext, id: string): Promise<NodeEventBody> {
  await watch(context, id, { forMs: context.state().plan.rollout.bakeMs })
  return { type: 'node.baked', node: id }
}
