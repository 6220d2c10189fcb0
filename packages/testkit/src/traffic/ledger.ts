/** One request, whatever became of it. Times in milliseconds. */
export interface LedgerEntry {
  /** 1, 2, 3 … in the order in which the requests fell due. */
  readonly id: number
  readonly user: string
  readonly method: string
  readonly path: string
  readonly phase: string
  /** The id of the order or cart item that a POST carries. */
  readonly item: string | null
  /** From the answer's Baton-Node and Baton-Release headers; null where there was none. */
  readonly node: string | null
  readonly release: string | null
  /** null where no complete answer came. */
  readonly status: number | null
  readonly problem: Problem | null
  /** What exactly was wrong, for people. */
  readonly error: string | null
  /** Since the epoch: when it was sent. */
  readonly startedAt: number
  /** From the moment it fell due to the moment it was sent. */
  readonly lateMs: number
  /** From the moment it fell due to the end of the answer: waiting for a free client counts. */
  readonly latencyMs: number
}

/**
 * `failed`: no complete answer, or one that is an error; `logged-out`: the answer was for nobody, or for somebody else;
 * `wrong-cart`: an acknowledged item is missing, is there twice, or one that was never sent is there.
 */
export type Problem = 'failed' | 'logged-out' | 'wrong-cart'

export interface Statistics {
  readonly requests: number
  readonly failed: number
  /** Null where there was no request. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number | null
}

export function statistics(entries: readonly LedgerEntry[]): Statistics {
  const latencies = entries.map((entry) => entry.latencyMs).sort((a, b) => a - b)
  return {
    requests: entries.length,
    failed: entries.filter((entry) => entry.problem === 'failed').length,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    maxMs: latencies.at(-1) ?? null,
  }
}

/** The smallest value that at least this share of the sorted values does not exceed; null of nothing. */
export function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
