import type { ExchangeResult } from '../balancing.ts'

/** Counts of one node since the process started. The shape of NodeMetrics in @baton/core, which may not be imported here. */
export interface NodeMetrics {
  readonly requests: number
  /** By status class: `1xx` … `5xx`. */
  readonly statuses: Readonly<Record<string, number>>
  /** Exchanges that failed on the node's side: refused, reset, timed out, malformed. */
  readonly failures: number
  /** Those that went on to another node. */
  readonly retries: number
  /** Of answered requests, long-lived ones left out. Cumulative: upper bounds in seconds, the last one Infinity. */
  readonly latency: { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number }
}

export interface NodeCounters {
  count(result: ExchangeResult, kind: { readonly longLived: boolean }): void
  read(): NodeMetrics
}

const latencyBoundsSeconds: readonly number[] = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  Number.POSITIVE_INFINITY,
]

const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** Plain arrays: counting is on the way of every request. */
export function createNodeCounters(): NodeCounters {
  let requests = 0
  let failures = 0
  let retries = 0
  let latencySum = 0
  const byClass = [0, 0, 0, 0, 0]
  const byLatency = latencyBoundsSeconds.map(() => 0)

  return {
    count(result, { longLived }) {
      requests++
      if (result.failure !== null) failures++
      if (result.retried) retries++
      if (result.status === null) return
      const statusClass = Math.floor(result.status / 100) - 1
      if (statusClass in byClass) byClass[statusClass]!++
      if (longLived) return
      const seconds = result.durationMs / 1000
      latencySum += seconds
      let bucket = 0
      while (seconds > latencyBoundsSeconds[bucket]!) bucket++
      byLatency[bucket]!++
    },
    read() {
      let below = 0
      return {
        requests,
        statuses: Object.fromEntries(statusClasses.map((name, i) => [name, byClass[i]!])),
        failures,
        retries,
        latency: {
          bounds: latencyBoundsSeconds,
          counts: byLatency.map((count) => {
            below += count
            return below
          }),
          sum: latencySum,
        },
      }
    },
  }
}
