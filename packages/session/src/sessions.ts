import { stampCookie } from './cookie.ts'
import { makeCipher } from './format/cipher.ts'
import { hashOfId } from './id.ts'
import { listSessions, type SessionInfo } from './listing.ts'
import { makeListings } from './listings.ts'
import { makeMeter, type SessionMetrics } from './metrics/meter.ts'
import {
  checkedCookie,
  checkedInterval,
  checkedLimits,
  checkedNamespace,
  checkedNearCache,
  checkedUserSecret,
  type NearCacheLimits,
  type SessionsOptions,
  storeUrl,
} from './options.ts'
import { ownerHash } from './owner.ts'
import { makeReadiness, type Readiness } from './readiness.ts'
import { remembered } from './remembered.ts'
import type { RequestContext } from './request/context.ts'
import { look } from './request-map.ts'
import { type Named, type OpenOptions, openRequestSession, type RequestSession } from './request-session.ts'
import type { Session } from './session.ts'
import { holdOf } from './session-proxy.ts'
import { measured } from './stores/measured.ts'
import { nearCache } from './stores/near-cache.ts'
import { makeTracking } from './stores/near-cache-tracking.ts'
import { defaultTimeouts, openStore } from './stores/open.ts'
import { redisKeys } from './stores/redis-keys.ts'
import type { SessionStore, StoreHealth } from './stores/store.ts'
import { makeTurns } from './turns.ts'

export type { SessionsOptions } from './options.ts'
export type { OpenOptions } from './request-session.ts'

/** What is asked of a request: Node's IncomingMessage has it, and for a Fetch Request it is made. */
export interface OpenRequest {
  readonly headers: {
    readonly cookie?: string | undefined
    readonly 'x-forwarded-proto'?: string | string[] | undefined
  }
  /** `encrypted` is true on one of TLS. */
  readonly socket?: object
}

/** The sessions of an app. One per process; adapters bring it to requests. */
export interface Sessions {
  /**
   * For adapters: the request's session, at once if nothing has to be asked of the store. Rejects with SessionError when
   * the store cannot say whether there is one.
   */
  open(request: OpenRequest, options?: OpenOptions): RequestSession | Promise<RequestSession>
  /** For adapters: the Set-Cookie values for the headers, which leave now. */
  cookiesFor(request: OpenRequest, opened: RequestSession): readonly string[]
  /** For adapters: what went wrong where no request can be told. */
  report(error: unknown): void

  /**
   * Logs a user out everywhere: ends all their sessions, but for `except`, and logins that are under way. Gives how many
   * were alive. Rejects with SessionError `session-unavailable`; call it again then, as some may have ended.
   */
  destroyAllOf(user: string, options?: { readonly except?: Session }): Promise<number>
  /** How many sessions are alive. Looks at all of them: for operators, not for requests. */
  count(): Promise<number>
  /** Sessions that are alive, in no order, or one user's. All of them are looked at, unless a user is given. */
  list(options?: { readonly user?: string }): AsyncIterable<SessionInfo>

  /** Whether the store answers, as far as this process knows; asks nothing. */
  health(): StoreHealth
  /**
   * For the check of a balancer. A store that is away is away for every node, so it never takes a process out that has
   * reached it once: requests are answered 503 one by one, and optional routes still work. A process that has just started
   * is ready when it has reached the store, or after 5 seconds.
   */
  readiness(): Readiness
  /** What the store was asked, and how it answered: see `@baton/session/prometheus`. */
  readonly metrics: SessionMetrics
  /** Ends connections; ends no session. */
  close(): Promise<void>
}

/** Throws SessionError `session-options` for options that are wrong. Connects in the background. */
export function createSessions(options: SessionsOptions = {}): Sessions {
  const namespace = checkedNamespace(options.namespace)
  const maxInactiveMs = checkedInterval('maxInactiveInterval', options.maxInactiveInterval ?? '30m')
  const { absoluteTimeout } = options
  const absoluteMs = absoluteTimeout === undefined ? undefined : checkedInterval('absoluteTimeout', absoluteTimeout)
  const cookie = checkedCookie(options.cookie)
  const limits = checkedLimits(options.limits)
  const ownerOf = ownerHash(checkedUserSecret(options.userSecret, namespace))
  const cipher = options.encryption === undefined ? undefined : makeCipher(options.encryption)
  const given = options.store
  const url = typeof given === 'object' ? '' : storeUrl(options)
  const timeouts = { ...defaultTimeouts(url), ...options.timeouts }
  const cache = checkedNearCache(options.nearCache, url)
  const meter = makeMeter()
  const store =
    cache === undefined
      ? measured(typeof given === 'object' ? given : openStore(url, { namespace, timeouts }), meter)
      : cachedStore(cache)
  const stamp = cache && stampCookie(options.cookie ?? {}, cache.maxAgeMs + 5_000)
  const onError = options.onError ?? ((error) => process.emitWarning(error))
  const context: RequestContext = {
    store,
    mayBeStale: cache !== undefined,
    maxInactiveMs,
    absoluteMs,
    commitMs: timeouts.commitMs,
    limits,
    ownerOf,
    cipher,
    turns: makeTurns(),
    listings: makeListings(),
    touching: new Set(),
    onDropped: meter.dropped,
    onError,
  }

  /** The hash alone would take longer than a near cache. */
  const named = remembered<Named>((header) => {
    const id = cookie.read(header)
    return { key: id === undefined ? '' : hashOfId(id), atLeast: stamp?.read(header) }
  })

  return {
    open(request, { mode } = normal) {
      const { cookie: header } = look(request, 'headers') as OpenRequest['headers']
      return openRequestSession(header === undefined ? nobody : named(header), context, mode)
    },

    cookiesFor(request, opened) {
      const wish = opened.takeCookie()
      const version = stamp && opened.takeVersion()
      if (wish === undefined && version === undefined) return none
      const seen = { secure: isSecure(request) }
      const lines: string[] = []
      if (wish !== undefined) lines.push(wish === 'clear' ? cookie.clear(seen) : cookie.set(wish.set, seen))
      if (stamp !== undefined && version !== undefined) lines.push(stamp.set(version, seen))
      return lines
    },

    report(error) {
      onError(error instanceof Error ? error : new Error(String(error)))
    },

    async destroyAllOf(user, { except } = {}) {
      return store.destroyAllOf(ownerOf(user), except && holdOf(except)?.key)
    },
    count: () => store.count(),
    list: ({ user } = {}) => listSessions(store, ownerOf, user),
    health: () => store.health(),
    readiness: makeReadiness(() => store.health()),
    metrics: meter,
    close: () => store.close(),
  }

  function cachedStore(limits: Required<NearCacheLimits>): SessionStore {
    const tracking = makeTracking()
    const inner = measured(openStore(url, { namespace, timeouts, tracking }), meter)
    const near = nearCache(inner, { tracking, keyPrefix: redisKeys(namespace).session(''), ...limits })
    meter.attach({ cache: near.stats })
    return near
  }

  function isSecure(request: OpenRequest): boolean {
    const { socket } = request
    if (socket !== undefined && 'encrypted' in socket && socket.encrypted === true) return true
    if (options.trustProxy !== true) return false
    // Several proxies append; the first is the one that the client reached.
    const first = String(request.headers['x-forwarded-proto'] ?? '').split(',')[0] ?? ''
    return first.trim().toLowerCase() === 'https'
  }
}

const normal: OpenOptions = {}
const none: readonly string[] = []
const nobody: Named = { key: '', atLeast: undefined }
