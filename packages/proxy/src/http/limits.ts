/** Every bound of the data plane, in bytes, counts and milliseconds. Infinity switches a limit off. */
export interface Limits {
  /** A message's head, request line or status line included; more is 431 (from a node: 502). Trailers have the same bound. */
  readonly headBytes: number
  /** Header fields of one message; more is 431 (from a node: 502). */
  readonly headerCount: number
  /** The request target; more is 414. */
  readonly targetBytes: number
  /** A request's body; more is 413. */
  readonly bodyBytes: number
  /** From a head's first byte to its last; then 408. */
  readonly headerMs: number
  /** How long a client may pause within its body; then 408. */
  readonly bodyIdleMs: number
  /** How long a client may take nothing of an answer that waits for it; then it is cut. */
  readonly sendIdleMs: number
  /** How long a client may keep its connection idle between requests. */
  readonly keepAliveMs: number
  /** To connect to a node; then the next node, or 504. */
  readonly connectMs: number
  /** How long a node may be silent before and within its answer (not within an event stream); then 504, or the answer is cut. */
  readonly responseIdleMs: number
  /** A whole exchange, uploads and downloads included; then 504, or the answer is cut. */
  readonly totalMs: number
  /** How long an upgraded connection or an event stream may be silent. */
  readonly longLivedIdleMs: number
  /** How long a node's connection may wait for its next request. Below the 5 s after which Node.js closes it. */
  readonly nodeIdleMs: number
  /** The same for requests that must not be sent twice; see node-pool.ts. */
  readonly nodeIdleUnsafeMs: number
  /** Idle connections kept per node. */
  readonly nodeIdleConnections: number
  /** How long the other side gets to finish a connection that is being closed. */
  readonly closingMs: number
}

export const defaultLimits: Limits = {
  headBytes: 64 * 1024,
  headerCount: 256,
  targetBytes: 16 * 1024,
  bodyBytes: Number.POSITIVE_INFINITY,
  headerMs: 10_000,
  bodyIdleMs: 30_000,
  sendIdleMs: 60_000,
  keepAliveMs: 75_000,
  connectMs: 2_000,
  responseIdleMs: 60_000,
  totalMs: Number.POSITIVE_INFINITY,
  longLivedIdleMs: Number.POSITIVE_INFINITY,
  nodeIdleMs: 4_000,
  nodeIdleUnsafeMs: 1_000,
  nodeIdleConnections: 256,
  closingMs: 2_000,
}
