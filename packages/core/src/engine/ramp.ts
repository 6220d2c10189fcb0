import type { RampStep } from '../config/types.ts'
import type { Plan, PlannedNode } from '../plan/plan.ts'

/** The steps by which a node that joins gets to its weight; none where it gets all of it at once. */
export function rampOf(plan: Plan): readonly RampStep[] {
  return plan.rollout.ramp ?? []
}

/** What a node weighs as it joins: the first step's share, if there is a ramp. */
export function weightAtJoin(plan: Plan, node: PlannedNode): number {
  const [first] = rampOf(plan)
  return first === undefined ? node.weight : shareOf(node.weight, first.percent)
}

/** Never 0: that would be a node without requests. */
export function shareOf(weight: number, percent: number): number {
  return Math.max(1, Math.round((weight * percent) / 100))
}
