/**
 * What every call of a driver takes: it ends when `signal` aborts (the deadline is part of it), and acts only while
 * `token`, the caller's fencing token, is the newest that the other side has seen.
 */
export interface Call {
  readonly signal: AbortSignal
  readonly token: number
}
