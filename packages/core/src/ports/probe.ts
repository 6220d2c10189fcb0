/** One health request. Never throws for an unhealthy answer: the reason says what was seen. */
export interface Probe {
  check(signal: AbortSignal): Promise<ProbeResult>
}

export interface ProbeResult {
  readonly healthy: boolean
  /** For people, for example `GET / answered 500` or `connection refused`. */
  readonly reason: string
  /** The release the app says it is, from the answer's `Baton-Release` header; null where it says nothing. */
  readonly release: string | null
}
