/** Counts durations in fixed buckets; an observation allocates nothing. */
export interface Histogram {
  observe(seconds: number): void
  snapshot(): HistogramSnapshot
}

export interface HistogramSnapshot {
  readonly count: number
  readonly sumSeconds: number
  /** Cumulative, as in Prometheus: how many took at most `leSeconds`. What took longer is in `count` alone. */
  readonly buckets: readonly { readonly leSeconds: number; readonly count: number }[]
}

/** From a read in this process' memory to the longest budget that an app would set. */
const bounds = Float64Array.of(
  ...[0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01],
  ...[0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
)

export function makeHistogram(): Histogram {
  /** One more than bounds: what is over the last. */
  const counts = new Float64Array(bounds.length + 1)
  /** In an array, as a number that changes would be a new object each time. */
  const sum = new Float64Array(1)

  return {
    observe(seconds) {
      let bucket = 0
      while (bucket < bounds.length && seconds > bounds[bucket]!) bucket += 1
      counts[bucket]! += 1
      sum[0]! += seconds
    },

    snapshot() {
      let count = 0
      const buckets: { leSeconds: number; count: number }[] = []
      for (const [index, leSeconds] of bounds.entries()) {
        count += counts[index]!
        buckets.push({ leSeconds, count })
      }
      return { count: count + counts[bounds.length]!, sumSeconds: sum[0]!, buckets }
    },
  }
}
