import type { BalancerView } from '../ports/balancer.ts'
import type { Survey } from './events.ts'
import { type DeployState, isOut, type NodeProgress, progressOf } from './state.ts'

/**
 * The capacity floor: at every moment at least `plan.floor.weight` of healthy weight serves. A node that does not serve
 * anyway takes nothing away, so it may always go: a broken node can be repaired by a deploy.
 */
export function admits(state: DeployState, survey: Survey, node: NodeProgress): boolean {
  if (!survey.serving.includes(node.planned.id)) return true
  const weight = survey.weights?.[node.planned.id] ?? node.planned.weight
  return survey.available - weight >= state.plan.floor.weight
}

/** What the balancer says, seen from the deploy: nodes that it has taken out do not count, even where that is not done yet. */
export function surveyOf(state: DeployState, view: BalancerView, nodes: readonly string[]): Survey {
  const serves = new Map<string, number>()
  let available = 0
  for (const node of view.nodes) {
    const position = state.index.get(node.id)
    const taken = position !== undefined && isOut(state.nodes[position]!)
    if (node.state !== 'serving' || !node.healthy || taken) continue
    serves.set(node.id, node.weight)
    available += node.weight
  }
  const serving = nodes.filter((id) => serves.has(id))
  const unplanned = serving.flatMap((id) => {
    const weight = serves.get(id)!
    return weight === progressOf(state, id).planned.weight ? [] : [[id, weight] as const]
  })
  return { available, serving, ...(unplanned.length > 0 && { weights: Object.fromEntries(unplanned) }) }
}
