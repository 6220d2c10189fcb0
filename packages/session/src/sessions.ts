import type { IncomingMessage } from 'node:http'
import { type CookieOptions, type SessionCookie, sessionCookie } from './cookie.ts'
import { parseDuration } from './duration.ts'
import { SessionError } from './errors.ts'
import { openRequestSession, type RequestSession } from './request-session.ts'
import { defaultTimeouts, openStore } from './stores/open.ts'
import type { SessionStore, Timeouts } from './stores/store.ts'
import { makeTurns } from './turns.ts'

export interface SessionsOptions {
  /** `lmdb:<folder>`, `redis://…`, `rediss://…`, or a store of your own. Default: the environment's BATON_SESSION_STORE. */
  readonly store?: string | SessionStore
  /** Keeps apps apart in one store; the same on every node of an app. Default `app`. */
  readonly namespace?: string
  /** How long a session lives without a request: a duration like `30m`, or seconds, as in Tomcat. Default `30m`. */
  readonly maxInactiveInterval?: string | number
  readonly cookie?: CookieOptions
  /** Whether X-Forwarded-Proto may be believed: true behind a balancer that sets it. Default false. */
  readonly trustProxy?: boolean
  /** Default: connect 1,000, load 250, commit 500. */
  readonly timeouts?: Partial<Timeouts>
  /** Told what went wrong where no request can be: a touch that failed, a late write that was dropped. Default: a process warning. */
  readonly onError?: (error: Error) => void
}

/** The sessions of an app. One per process; adapters bring it to requests. */
export interface Sessions {
  /** For adapters: loads the request's session. Rejects with SessionError when the store cannot say whether there is one. */
  open(request: IncomingMessage): Promise<RequestSession>
  /** For adapters: the Set-Cookie value that `takeCookie` of a request asks for. */
  cookieFor(request: IncomingMessage, opened: RequestSession): string | undefined
  /** For adapters: what went wrong where no request can be told. */
  report(error: unknown): void
  /** Ends connections; ends no session. */
  close(): Promise<void>
}

/** Throws SessionError `session-options` for options that are wrong. Connects in the background. */
export function createSessions(options: SessionsOptions = {}): Sessions {
  const namespace = checkedNamespace(options.namespace ?? 'app')
  const maxInactiveMs = checkedInterval(options.maxInactiveInterval ?? '30m')
  const cookie = checkedCookie(options.cookie ?? {})
  const given = options.store
  const url = typeof given === 'object' ? '' : storeUrl(options)
  const timeouts = { ...defaultTimeouts(url), ...options.timeouts }
  const store = typeof given === 'object' ? given : openStore(url, { namespace, timeouts })
  const onError = options.onError ?? ((error) => process.emitWarning(error))
  const context = { store, maxInactiveMs, commitMs: timeouts.commitMs, turns: makeTurns(), onError }

  return {
    open: (request) => openRequestSession(cookie.read(request.headers.cookie), context),

    cookieFor(request, opened) {
      const wish = opened.takeCookie()
      if (wish === undefined) return undefined
      const seen = { secure: isSecure(request) }
      return wish === 'clear' ? cookie.clear(seen) : cookie.set(wish.set, seen)
    },

    report(error) {
      onError(error instanceof Error ? error : new Error(String(error)))
    },

    close: () => store.close(),
  }

  function isSecure(request: IncomingMessage): boolean {
    if ('encrypted' in request.socket) return true
    // Several proxies append; the first is the one that the client reached.
    const forwarded = options.trustProxy === true ? request.headers['x-forwarded-proto'] : undefined
    return (
      String(forwarded ?? '')
        .split(',')[0]
        ?.trim()
        .toLowerCase() === 'https'
    )
  }
}

function storeUrl(options: SessionsOptions): string {
  const url = typeof options.store === 'string' ? options.store : process.env.BATON_SESSION_STORE
  if (url !== undefined && url !== '') return url
  throw new SessionError(
    'session-options',
    'no session store: set BATON_SESSION_STORE, or write createSessions({ store: "lmdb:./data/sessions" })',
  )
}

function checkedNamespace(namespace: string): string {
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) return namespace
  throw new SessionError('session-options', `namespace ${JSON.stringify(namespace)}: use 1 to 64 of A-Z a-z 0-9 _ . -`)
}

function checkedInterval(interval: string | number): number {
  const ms = typeof interval === 'number' ? interval * 1000 : parseDuration(interval)
  if (ms !== undefined && ms >= 1000 && ms % 1000 === 0) return ms
  throw new SessionError(
    'session-options',
    `maxInactiveInterval ${JSON.stringify(interval)}: write a duration of whole seconds like "30m", or seconds like 1800`,
  )
}

function checkedCookie(options: CookieOptions): SessionCookie {
  if (options.name !== undefined && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(options.name)) {
    throw new SessionError(
      'session-options',
      `cookie.name ${JSON.stringify(options.name)}: use letters, digits, - and _`,
    )
  }
  if (options.sameSite === 'none' && options.secure === false) {
    throw new SessionError(
      'session-options',
      'cookie.sameSite "none" needs cookie.secure: browsers refuse it otherwise',
    )
  }
  return sessionCookie(options)
}
