import { batchSize } from './amount.ts'
import type { Draft } from './draft.ts'
import type { Finding } from './finding.ts'
import { mistake } from './reading.ts'

interface Weighted {
  readonly id: string
  readonly weight: number
}

/** Batches larger than the pool, and floors that a batch would break through. */
export function floorFindings(draft: Draft): Finding[] {
  const { batch, minAvailable } = draft.rollout
  const nodes = draft.nodes.flatMap(({ id, weight }) => (weight === undefined ? [] : [{ id, weight }]))
  if (batch === undefined || nodes.length === 0 || nodes.length < draft.nodes.length) return []
  const size = batchSize(batch, nodes.length)
  if (size > nodes.length) {
    const wrong = mistake(`takes ${size} nodes out, and there are ${nodes.length}`, `write 1 to ${nodes.length}`)
    return [{ ...wrong, path: ['rollout', 'batch'], at: 'value', ofWhole: true }]
  }
  if (minAvailable === undefined || leftPercent(nodes, size) >= minAvailable) return []
  return [{ ...unreachable(nodes, size, minAvailable), path: ['rollout', 'minAvailable'], at: 'value', ofWhole: true }]
}

function unreachable(nodes: readonly Weighted[], size: number, floor: number) {
  const left = Math.floor(leftPercent(nodes, size))
  if (nodes.length === 1) {
    return mistake(
      `one node alone cannot keep ${floor}% in: while it is replaced, nothing is left`,
      'add a second node, or write minAvailable: 0% and accept the gap',
    )
  }
  const worst = heaviest(nodes, size)
  const message = `${floor}% cannot be kept: with ${worst.map(({ id }) => id).join(', ')} out, ${left}% of the weight is left`
  const smaller = Array.from({ length: size - 1 }, (_, less) => size - 1 - less)
  const fitting = smaller.find((each) => leftPercent(nodes, each) >= floor)
  return mistake(message, `${fitting ? `write batch: ${fitting}, or ` : ''}write minAvailable: ${left}%, or add nodes`)
}

/** Of the whole weight, what stays in while the heaviest batch is out. */
function leftPercent(nodes: readonly Weighted[], size: number): number {
  const whole = weightOf(nodes)
  return ((whole - weightOf(heaviest(nodes, size))) * 100) / whole
}

/** A roll goes through the nodes in the order of the file, so many at once. */
function heaviest(nodes: readonly Weighted[], size: number): readonly Weighted[] {
  let worst: readonly Weighted[] = []
  for (let start = 0; start < nodes.length; start += size) {
    const batch = nodes.slice(start, start + size)
    if (weightOf(batch) > weightOf(worst)) worst = batch
  }
  return worst
}

function weightOf(nodes: readonly Weighted[]): number {
  return nodes.reduce((sum, { weight }) => sum + weight, 0)
}
