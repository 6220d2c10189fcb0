/**
 * Smooth weighted round robin, unrolled: the indices of `weights` in the order in which nginx' algorithm would pick
 * them over one whole period. At each step every node gains its weight, the one that has most is picked, and pays the
 * whole. (nginx, src/http/ngx_http_upstream_round_robin.c: ngx_http_upstream_get_peer.)
 *
 * The period is the sum of the weights over their greatest common divisor, and never more than `sequenceBound`: greater
 * weights are scaled down, each to at least one slot.
 */
export function smoothSequence(weights: readonly number[]): Uint32Array {
  const gains = Int32Array.from(slots(weights))
  const period = gains.reduce((sum, gain) => sum + gain, 0)
  const current = new Int32Array(gains.length)
  const sequence = new Uint32Array(period)
  for (let slot = 0; slot < period; slot++) {
    let best = 0
    for (let i = 0; i < current.length; i++) {
      current[i]! += gains[i]!
      if (current[i]! > current[best]!) best = i
    }
    current[best]! -= period
    sequence[slot] = best
  }
  return sequence
}

/** Slots at most for so many nodes: 32 KiB and some 10 ms of rebuilding at 1,000 nodes. */
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
