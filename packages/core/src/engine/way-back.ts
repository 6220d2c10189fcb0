import type { DeployState, NodeProgress, Phase } from './state.ts'

/**
 * The roll in the other direction: exactly the nodes that were touched, those that are out first (they bring capacity
 * back), then the upgraded ones, the last first, in batches of the same size and with the same drains.
 */
export function theWayBack(state: DeployState): Pick<DeployState, 'direction' | 'nodes' | 'groups' | 'group'> {
  const nodes = state.nodes.map((node) => turned(state, node))
  const touched = nodes.filter((node) => node.phase !== 'untouched').reverse()
  const wasServing = (node: NodeProgress) => servingPhases.has(phaseBefore(state, node))
  const out = touched.filter((node) => !wasServing(node))
  const serving = touched.filter(wasServing)
  return {
    direction: 'back',
    nodes,
    groups: [...batchesOf(out, state.plan.rollout.batch), ...batchesOf(serving, state.plan.rollout.batch)],
    group: 0,
  }
}

/** Nodes that were changed while no earlier release of theirs is known: the way back can only stop them. */
export function withoutWayBack(state: DeployState): readonly string[] {
  return state.nodes
    .filter((node) => node.touched === 'replaced' && node.planned.from === null)
    .map((node) => node.planned.id)
}

const servingPhases: ReadonlySet<Phase> = new Set(['joined', 'ramped', 'baking', 'done'])

function phaseBefore(state: DeployState, node: NodeProgress): Phase {
  return state.nodes[state.index.get(node.planned.id)!]!.phase
}

function turned(state: DeployState, node: NodeProgress): NodeProgress {
  const left = state.only !== null && !state.only.includes(node.planned.id)
  return { ...node, target: node.planned.from, failed: null, phase: left ? 'untouched' : firstPhaseBack(node) }
}

function firstPhaseBack(node: NodeProgress): Phase {
  switch (node.touched) {
    case 'no':
      return 'untouched'
    // Taken out but not stopped: the old release still runs and has only to join again.
    case 'drained':
      return node.planned.parked ? 'untouched' : 'started'
    case 'replaced':
      return 'staged'
  }
}

function batchesOf(nodes: readonly NodeProgress[], size: number): string[][] {
  const batches: string[][] = []
  for (let start = 0; start < nodes.length; start += size) {
    batches.push(nodes.slice(start, start + size).map((node) => node.planned.id))
  }
  return batches
}
