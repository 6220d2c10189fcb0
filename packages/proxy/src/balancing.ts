/**
 * The balancing table as the data plane uses it: who gets the next request, and what became of it. The data plane knows
 * nothing of weights, health checks or drains; the table knows nothing of HTTP.
 */
export interface Balancing {
  /**
   * The next node by smooth weighted round robin among those that are in and healthy, none of `tried`. It counts as in
   * flight from this very moment until the lease ends. undefined when no node can take the request.
   */
  lease(tried: readonly Upstream[]): Lease | undefined
}

/** One node as a place to send requests to. The same object for as long as the table lives. */
export interface Upstream {
  readonly id: string
  readonly host: string
  readonly port: number
}

export interface Lease {
  readonly upstream: Upstream
  /** This exchange has become an upgraded connection or an event stream; `close` is called if it outlives a drain. */
  becomesLongLived(close: () => void): void
  /** Exactly once, when the last byte has gone both ways or the exchange has failed. */
  end(result: ExchangeResult): void
}

export interface ExchangeResult {
  /** The node's final status; null where it gave none. */
  readonly status: number | null
  /** What went wrong on the node's side; null where nothing did (a client that went away is not the node's failure). */
  readonly failure: 'refused' | 'reset' | 'timeout' | 'protocol' | null
  /** True when the request goes on to another node, because this one provably did not process it. */
  readonly retried: boolean
  /** From the lease to the end. */
  readonly durationMs: number
}
