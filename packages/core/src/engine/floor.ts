import type { BalancerView } from '../ports/balancer.ts'
import { type DeployState, isOut, type NodeProgress, type Survey } from './state.ts'

/**
 * The capacity floor: at every moment at least `plan.floor.weight` of healthy weight serves. A node that does not serve
 * anyway takes nothing away, so it may always go: a broken node can be repaired by a deploy.
 */
export function admits(state: DeployState, survey: Survey, node: NodeProgress): boolean {
  if (!survey.serving.includes(node.planned.id)) return true
  return survey.available - node.planned.weight >= state.plan.floor.weight
}

/** What the balancer says, seen from the deploy: nodes that it has taken out do not count, even where that is not done yet. */
export function surveyOf(state: DeployState, view: BalancerView, nodes: readonly string[]): Survey {
  const serves = new Set<string>()
  let available = 0
  for (const node of view.nodes) {
    const position = state.index.get(node.id)
    const taken = position !== undefined && isOut(state.nodes[position]!)
    if (node.state !== 'serving' || !node.healthy || taken) continue
    serves.add(node.id)
    available += node.weight
  }
  return { available, serving: nodes.filter((id) => serves.has(id)) }
}
