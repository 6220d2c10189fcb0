import type { NodeEventBody, Ramp } from '@baton/core'
import type { EffectContext } from './context.ts'
import { leftService, serveAt } from './serving.ts'
import { watch } from './watch.ts'

/** One step of a ramp: lets a node serve at this weight, and watches it there, in its own words and the balancer's. */
export async function ramp(context: EffectContext, { node, percent, weight, holdMs }: Ramp): Promise<NodeEventBody> {
  await serveAt(context, node, weight)
  await watch(context, node, { forMs: holdMs, also: () => leftService(context, node) })
  return { type: 'node.ramped', node, percent, weight }
}
