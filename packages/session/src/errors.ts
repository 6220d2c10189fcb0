export type SessionErrorCode =
  /** The store did not answer in time, or answered with an error. The session may well be there. */
  | 'session-unavailable'
  /** The record was written in a format that this version must not read. */
  | 'session-format'
  /** The session was destroyed or replaced while this request held it. */
  | 'session-gone'
  /** Other requests kept changing the attribute for longer than the commit budget. */
  | 'session-conflict'
  /** A value that no tag of the format can hold. */
  | 'session-value'
  /** A new session was needed after the headers had left, so that no cookie could be set. */
  | 'session-too-late'
  /** An attribute, or the session as a whole, is over its limit; nothing was stored. */
  | 'session-too-large'
  /** Another request holds the lock of this session for longer than the wait allowed. */
  | 'session-locked'
  /** The session was asked for before it was loaded: the adapter is lazy, and `loadSession` was not called. */
  | 'session-not-loaded'
  /** The options are wrong. */
  | 'session-options'

const statusOf: Readonly<Record<SessionErrorCode, number>> = {
  'session-unavailable': 503,
  'session-format': 503,
  'session-gone': 409,
  'session-conflict': 503,
  'session-value': 500,
  'session-too-late': 500,
  'session-too-large': 500,
  'session-locked': 503,
  'session-not-loaded': 500,
  'session-options': 500,
}

/**
 * The one error of this package. `code` is for programs; `status` and `headers` are what web frameworks answer with when
 * the error reaches them. No message ever holds a session id.
 */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: SessionErrorCode, message: string, more: { cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.status = statusOf[code]
    this.headers = this.status === 503 ? { 'Retry-After': '1' } : {}
  }

  /** What Hono's default error handler answers with: https://hono.dev/docs/api/exception */
  getResponse(): Response {
    return new Response(publicText(this.status), {
      status: this.status,
      headers: { ...this.headers, 'Cache-Control': 'no-store', 'Content-Type': 'text/plain; charset=utf-8' },
    })
  }
}

/** What a visitor is told, who is not to learn what went wrong. */
export function publicText(status: number): string {
  return status === 503
    ? 'Your session cannot be reached at the moment. You are still logged in: please try again.\n'
    : 'Something went wrong here. Please try again.\n'
}
