import type { Principal } from './format/record.ts'
import type { LockOptions } from './request/lock.ts'
import type { LoginOptions } from './request/login.ts'

/**
 * What sessions of this app hold. Add to it, as with express-session's SessionData:
 *
 *     declare module '@baton/session' { interface SessionAttributes { cart?: string[] } }
 */
export interface SessionAttributes {
  [name: string]: unknown
}

/**
 * A request's session: a plain object to use, whose properties are the attributes, and a few methods that are not
 * enumerable. What changed, in place as well, is written before the first byte of the answer.
 *
 * An attribute that is named like a method is reached through `get` and `set`; assigning to it throws a TypeError.
 */
export type Session<A extends object = SessionAttributes> = SessionMethods<A> & Partial<A>

/** As express-session and Passport call back: with nothing, or with what went wrong. */
export type SessionCallback = (error?: unknown) => void

export interface SessionMethods<A extends object = SessionAttributes> {
  /** Who is logged in. */
  readonly principal: Principal | undefined
  /** Whether the browser does not know this session yet: there is none, or this request began it. */
  readonly isNew: boolean
  /** When it began; undefined while there is none. */
  readonly createdAt: Date | undefined
  /**
   * How long the session lives without a request, in whole seconds. Setting it writes it with the next commit; it begins
   * no session. Throws SessionError `session-value` for anything but a whole number from 1 on.
   */
  maxInactiveInterval: number
  /**
   * false only on an optional route while the store is away: reads give nothing, writes fail with `session-unavailable`,
   * and the browser's cookie stays as it is.
   */
  readonly available: boolean
  /**
   * Logs a user in, under a new id. Attributes are kept, unless somebody else was logged in: then they are gone, with
   * what this request has assigned. Rejects with SessionError `session-unavailable` (nobody is logged in then),
   * `session-gone` (the user was logged out everywhere meanwhile), or `session-too-late` after the headers have left.
   */
  login(user: string, options?: LoginOptions): Promise<void>
  /**
   * A new id, everything else kept: for a change of rights. Rejects like `login`, and with `session-gone`.
   *
   * With a callback it does what express-session's does, which Passport relies on: ends the session, and puts an empty
   * one, another object, in its place (`req.session`); this object can still be read.
   */
  regenerate(): Promise<void>
  regenerate(callback: SessionCallback): void
  /**
   * Replaces one attribute with `change` of its current value, atomically across requests and nodes; gives the new
   * value. `change` must return at once, may run several times, and removes the attribute by returning undefined.
   * Rejects with SessionError `session-unavailable`, `session-gone`, or `session-conflict`.
   */
  update<N extends keyof A & string>(
    name: N,
    change: (current: A[N] | undefined) => A[N] | undefined,
  ): Promise<A[N] | undefined>
  /**
   * Takes an attribute away and gives it to exactly one of all requests, on all nodes, that ask for it; undefined for the
   * others, and where there is none. For tokens that are good for once.
   */
  consume<N extends keyof A & string>(name: N): Promise<A[N] | undefined>
  /**
   * Takes the session's lock, which only other calls of `lock` respect, and brings the session up to date. What this
   * request writes afterwards is refused (`session-conflict`) if the lease has run out. Given back when the answer has
   * ended. Rejects with SessionError `session-locked` (503) when others keep it for too long; it never goes on unlocked.
   */
  lock(options?: LockOptions): Promise<void>
  /** Writes what changed now, instead of before the headers: for streams and long answers. */
  save(): Promise<void>
  save(callback: SessionCallback): void
  /** What the store has now; what was changed and not written is forgotten. Rejects with `session-gone` if there is none. */
  reload(): Promise<void>
  reload(callback: SessionCallback): void
  /** Ends the session everywhere. What is assigned afterwards begins a new one. */
  destroy(): Promise<void>
  destroy(callback: SessionCallback): void
  get(name: string): unknown
  set(name: string, value: unknown): void
  /** All attributes that can be read here, as JSON.stringify and console.log show them. */
  toJSON(): Record<string, unknown>
}
