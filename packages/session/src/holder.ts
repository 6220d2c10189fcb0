import type { ServerResponse } from 'node:http'
import { SessionError } from './errors.ts'
import type { Renewer } from './request/hold.ts'
import type { OpenOptions, RequestSession } from './request-session.ts'
import { type HeadGate, holdHead } from './response.ts'
import type { Session } from './session.ts'
import type { OpenRequest, Sessions } from './sessions.ts'

/**
 * What a route asks of its session.
 *
 * - `normal`: 503 while the store is away.
 * - `fresh`: as the store has it, whatever is cached.
 * - `optional`: answers while the store is away as well; `session.available` is false then.
 * - `stale-ok`: while the store is away, a cached session will do though it is older than the cache's maximum age.
 */
export type SessionMode = NonNullable<OpenOptions['mode']>

export interface AdapterOptions {
  /** What is asked of the session. Default `normal`. */
  readonly mode?: SessionMode
  /** `lazy`: nothing is asked of the store until `loadSession()` is called, or a route is marked. Default `eager`. */
  readonly load?: 'eager' | 'lazy'
}

/** One request's way to its session, the same for all adapters. A class, because there is one for each request. */
export class SessionHolder implements HeadGate, Renewer {
  /** Everything is committed, and the app has not asked for the session since: nothing to compare again. */
  isSettled = false
  /** The app asks for the session when it wants it. */
  isLazy = false
  private readonly sessions: Sessions
  private readonly request: OpenRequest
  private readonly res: ServerResponse | undefined
  private readonly shownOn: { session?: Session } | undefined
  private opened: RequestSession | undefined
  private opening: Promise<void> | undefined
  /** The session that `renew` has ended: its cookie goes, unless another comes. */
  private replaced: RequestSession | undefined
  private isFresh = false
  private headIsGone = false
  private isVoid = false

  /** From the moment the session is loaded, the headers of `res` wait for commits, and `shownOn` has it as `session`. */
  constructor(sessions: Sessions, request: OpenRequest, res?: ServerResponse, shownOn?: { session?: Session }) {
    this.sessions = sessions
    this.request = request
    this.res = res
    this.shownOn = shownOn
  }

  get isLoaded(): boolean {
    return this.opened !== undefined
  }

  /** Throws SessionError `session-not-loaded` before it is. */
  get session(): Session {
    if (this.opened === undefined) throw notLoaded()
    this.isSettled = false
    return this.opened.session
  }

  /**
   * Loads the session, unless it is loaded; `fresh` loads it again if it may have come from a cache. undefined: there is
   * nothing to wait for. Rejects with SessionError if the store cannot say whether there is one; may be called again then.
   */
  load(mode: SessionMode = 'normal'): Promise<void> | undefined {
    if (this.opened !== undefined) {
      return mode === 'fresh' && !this.isFresh ? this.reload(this.opened.session) : undefined
    }
    if (this.opening !== undefined) return this.opening.then(() => this.load(mode))
    const opened = this.sessions.open(this.request, { mode })
    if (!(opened instanceof Promise)) {
      this.take(opened, mode)
      return undefined
    }
    this.opening = opened.then(
      (opened) => {
        this.opening = undefined
        this.take(opened, mode)
      },
      (error: unknown) => {
        this.opening = undefined
        throw error
      },
    )
    return this.opening
  }

  /** The same, and gives it. */
  async loaded(mode?: SessionMode): Promise<Session> {
    await this.load(mode)
    return this.session
  }

  commit(): Promise<void> | undefined {
    return this.opened === undefined || this.isSettled || this.isVoid ? undefined : this.opened.commit()
  }

  cookies(): readonly string[] {
    this.headIsGone = true
    const { sessions, request, opened, replaced } = this
    if (opened === undefined || this.isVoid) return none
    const cookies = sessions.cookiesFor(request, opened)
    return cookies.length > 0 || replaced === undefined ? cookies : sessions.cookiesFor(request, replaced)
  }

  async renew(): Promise<void> {
    const before = this.opened
    if (before === undefined) throw notLoaded()
    if (this.headIsGone || this.res?.headersSent === true) {
      throw new SessionError('session-too-late', 'a session cannot be replaced any more: the headers have left')
    }
    const { session } = before
    const attributes = Object.entries(session.toJSON())
    await session.destroy()
    // Who has kept the old object may still look at it, and copy from it; it is not committed any more.
    for (const [name, value] of attributes) session.set(name, value)
    const empty = await this.sessions.open({ headers: {} })
    empty.renewer = this
    this.replaced = before
    this.opened = empty
    this.isSettled = false
    if (this.shownOn !== undefined) this.shownOn.session = empty.session
  }

  /** An error takes the place of the answer: nothing is committed any more, and the cookie stays as it is. */
  giveUp(): void {
    this.isVoid = true
  }

  onLateError(error: unknown): void {
    this.sessions.report(error)
  }

  ended(): void {
    this.replaced?.ended()
    this.opened?.ended()
  }

  private take(opened: RequestSession, mode: SessionMode): void {
    this.opened = opened
    opened.renewer = this
    this.isFresh = mode === 'fresh'
    if (this.res !== undefined) holdHead(this.res, this)
    if (this.shownOn !== undefined) this.shownOn.session = opened.session
  }

  private async reload(session: Session): Promise<void> {
    // What this request has changed so far is not to be lost.
    await session.save()
    await session.reload()
    this.isFresh = true
  }
}

const none: readonly string[] = []

export function notLoaded(): SessionError {
  return new SessionError(
    'session-not-loaded',
    'this session is not loaded: call `await loadSession()` first, or mark the route, or leave out `load: "lazy"`',
  )
}
