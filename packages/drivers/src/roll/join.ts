import { type NodeEventBody, progressOf, weightAtJoin } from '@baton/core'
import type { EffectContext } from './context.ts'
import { serveAt } from './serving.ts'

/** Puts a node back, at the weight it begins with, and waits until the balancer itself says that it serves. */
export async function join(context: EffectContext, id: string): Promise<NodeEventBody> {
  const state = context.state()
  await serveAt(context, id, weightAtJoin(state.plan, progressOf(state, id).planned))
  return { type: 'node.joined', node: id }
}
