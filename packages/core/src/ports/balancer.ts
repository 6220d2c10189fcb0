import type { Call } from './call.ts'

/**
 * A load balancer. Every method is safe to repeat; one whose token is older than the newest the balancer has seen is
 * refused with a BatonError of code `stale-token`, and one that cannot reach the balancer fails with `balancer-unreachable`.
 */
export interface Balancer {
  readonly driver: string
  readonly supports: BalancerAbilities
  /** What the balancer itself says, never what was last asked of it. */
  inspect(call: Pick<Call, 'signal'>): Promise<BalancerView>
  /**
   * `out`: from the moment this resolves no new request reaches the node; requests in flight go on and idle client
   * connections stay open. `in`: the node serves at its weight, and counts as healthy until a check says otherwise.
   */
  set(node: string, wanted: { readonly admin: 'in' | 'out'; readonly weight?: number }, call: Call): Promise<void>
  /** Closes what outlived the drain deadline: WebSockets with code 1012, event streams at the end of a chunk. */
  closeLongLived(node: string, call: Call): Promise<void>
  /** Makes `call.token` the newest: from now on older ones are refused. */
  fence(call: Call): Promise<void>
  metrics(node: string, call: Pick<Call, 'signal'>): Promise<NodeMetrics>
}

export interface BalancerAbilities {
  readonly inflight: boolean
  readonly weights: boolean
  readonly closeLongLived: boolean
  readonly metrics: boolean
}

export interface BalancerView {
  readonly nodes: readonly BalancerNodeView[]
  /** Changes when the balancer is restarted or reloaded. */
  readonly generation: string
}

/**
 * `draining`: told to stay out and still has something in flight; `drained`: out with nothing in flight;
 * `down`: told to serve, but its health checks fail.
 */
export type NodeState = 'serving' | 'draining' | 'drained' | 'down' | 'unknown'

export interface BalancerNodeView {
  readonly id: string
  readonly address: string
  readonly state: NodeState
  readonly weight: number
  readonly healthy: boolean
  /** Everything in flight, long-lived connections included; null where the balancer cannot tell. */
  readonly inflight: number | null
  /** The upgraded connections and event streams among them. */
  readonly longLived: number
}

/** Counts since the balancer started. */
export interface NodeMetrics {
  readonly requests: number
  /** By status class: `1xx` … `5xx`. */
  readonly statuses: Readonly<Record<string, number>>
  /** Requests that got no answer from the node: refused, reset, timed out. */
  readonly failures: number
  readonly retries: number
  /** Cumulative, as in Prometheus: upper bounds in seconds, the last one Infinity. */
  readonly latency: { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number }
}
