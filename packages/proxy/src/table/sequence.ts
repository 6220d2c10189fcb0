/** Indices of nodes in the order in which they are to be picked. */
export interface Sequence {
  readonly picks: Uint32Array
  /** Whether to begin again at its start after its end; otherwise what follows is computed from `owed` at its end. */
  readonly periodic: boolean
  /**
   * How many requests each node is short of its share after so many picks; negative where it had more. What a sequence
   * for other weights has to begin with for the shares to hold across the change.
   */
  owed(position: number): readonly number[]
}

/**
 * Smooth weighted round robin, unrolled: one period of what nginx' algorithm would pick. At each step every node gains its
 * weight; the one that has most is picked, and pays the sum of all weights.
 * (nginx, src/http/ngx_http_upstream_round_robin.c: ngx_http_upstream_get_peer.)
 *
 * The period is the sum of the weights over their greatest common divisor, and never more than `sequenceBound`: greater
 * weights are scaled down, each to at least one slot. `owed` is what the nodes begin with, in requests; nothing by default.
 */
export function smoothSequence(weights: readonly number[], owed: readonly number[] = []): Sequence {
  const gains = Float64Array.from(slots(weights))
  const period = gains.reduce((sum, gain) => sum + gain, 0)
  const credits = Float64Array.from(gains, (_, i) => (owed[i] ?? 0) * period)
  const counts = new Uint32Array(gains.length)
  const picks = new Uint32Array(period)
  for (let slot = 0; slot < period; slot++) {
    let best = 0
    let most = Number.NEGATIVE_INFINITY
    for (let i = 0; i < credits.length; i++) {
      const credit = credits[i]! + gains[i]!
      credits[i] = credit
      if (credit > most) {
        most = credit
        best = i
      }
    }
    credits[best]! -= period
    counts[best]!++
    picks[slot] = best
  }
  return {
    picks,
    periodic: gains.every((gain, i) => counts[i] === gain),
    owed(position) {
      const left = Array.from(gains, (gain, i) => (owed[i] ?? 0) + (position * gain) / period)
      for (let slot = 0; slot < position; slot++) left[picks[slot]!]!--
      return left
    },
  }
}

/** Slots at most for so many nodes: 32 KiB, and some 25 ms to rebuild for 1,000 nodes of unlike weights. */
export function sequenceBound(nodes: number): number {
  return Math.max(8192, 2 * nodes)
}

/** How often each node stands in the sequence. */
function slots(weights: readonly number[]): readonly number[] {
  const reduced = reduce(weights)
  const total = reduced.reduce((sum, weight) => sum + weight, 0)
  const bound = sequenceBound(weights.length)
  if (total <= bound) return reduced
  // Rounding up gives everyone a slot; one slot a node kept aside for it keeps the sum within the bound.
  return reduce(reduced.map((weight) => Math.ceil((weight * (bound - weights.length)) / total)))
}

function reduce(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0)
  return divisor > 1 ? weights.map((weight) => weight / divisor) : weights
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
