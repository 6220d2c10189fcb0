import { type CookieOptions, type SessionCookie, sessionCookie } from './cookie.ts'
import { parseDuration } from './duration.ts'
import { SessionError } from './errors.ts'
import type { EncryptionOptions } from './format/cipher.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { isRedisUrl } from './stores/redis-target.ts'
import type { SessionStore, Timeouts } from './stores/store.ts'

export interface SessionsOptions {
  /**
   * A URL (`lmdb:<folder>`, `redis://…`, `redis+sentinel://…`, `redis+cluster://…`, `memory:`), or a store of your own.
   * Default: the environment's BATON_SESSION_STORE.
   */
  readonly store?: string | SessionStore
  /**
   * Keeps apps apart in one store; the same on every node of an app. Default: the environment's BATON_SESSION_NAMESPACE,
   * or `app`.
   */
  readonly namespace?: string
  /** How long a session lives without a request: a duration like `30m`, or seconds, as in Tomcat. Default `30m`. */
  readonly maxInactiveInterval?: string | number
  /** How long a session lives at most, from its beginning or its latest login; written likewise. Default: no end. */
  readonly absoluteTimeout?: string | number
  readonly cookie?: CookieOptions
  /** Whether X-Forwarded-Proto may be believed: true behind a balancer that sets it. Default false. */
  readonly trustProxy?: boolean
  /** Default: connect 1,000, load 250, commit 500. */
  readonly timeouts?: Partial<Timeouts>
  /** How much a session may hold. A commit over a limit fails with `session-too-large`, and nothing of it is stored. */
  readonly limits?: Partial<Limits>
  /**
   * Keeps sessions that were read in this process, so that reading one again asks nothing of Redis. Only for Redis.
   * Default false.
   */
  readonly nearCache?: boolean | NearCacheLimits
  /** Encrypts every value with AES-256-GCM before it is stored; the same keys on every node. */
  readonly encryption?: EncryptionOptions
  /** From which, with a user's name, the store's name for them is made (HMAC); the same on every node. Default: the namespace. */
  readonly userSecret?: string
  /** Told what went wrong where no request can be: a touch that failed, a late write that was dropped. Default: a process warning. */
  readonly onError?: (error: Error) => void
}

export interface NearCacheLimits {
  /** How old a session may be that is served without asking Redis, whatever happens to invalidations. Default 5,000. */
  readonly maxAgeMs?: number
  /** Default 10,000. */
  readonly maxEntries?: number
  /** Default 64 MiB. */
  readonly maxBytes?: number
}

export function storeUrl(options: SessionsOptions): string {
  const url = typeof options.store === 'string' ? options.store : process.env.BATON_SESSION_STORE
  if (url !== undefined && url !== '') return url
  throw wrong('no session store: set BATON_SESSION_STORE, or write createSessions({ store: "lmdb:./data/sessions" })')
}

export function checkedNamespace(given: string | undefined): string {
  const namespace = given ?? (process.env.BATON_SESSION_NAMESPACE || 'app')
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) return namespace
  throw wrong(`namespace ${JSON.stringify(namespace)}: use 1 to 64 of A-Z a-z 0-9 _ . -`)
}

/** In milliseconds. */
export function checkedInterval(name: 'maxInactiveInterval' | 'absoluteTimeout', interval: string | number): number {
  const ms = typeof interval === 'number' ? interval * 1000 : parseDuration(interval)
  if (ms !== undefined && ms >= 1000 && ms % 1000 === 0) return ms
  throw wrong(`${name} ${JSON.stringify(interval)}: write a duration of whole seconds like "30m", or seconds like 1800`)
}

export function checkedCookie(options: CookieOptions = {}): SessionCookie {
  if (options.name !== undefined && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(options.name)) {
    throw wrong(`cookie.name ${JSON.stringify(options.name)}: use letters, digits, - and _`)
  }
  if (options.sameSite === 'none' && options.secure === false) {
    throw wrong('cookie.sameSite "none" needs cookie.secure: browsers refuse it otherwise')
  }
  return sessionCookie(options)
}

export function checkedLimits(given: Partial<Limits> = {}): Limits {
  return checkedNumbers('limits', { ...defaultLimits, ...given })
}

/** undefined: there shall be none. `url`: of the store, '' for one of the app's own. */
export function checkedNearCache(
  given: SessionsOptions['nearCache'],
  url: string,
): Required<NearCacheLimits> | undefined {
  if (given === undefined || given === false) return undefined
  if (!isRedisUrl(url)) throw wrong('nearCache is for Redis, and this store is none; leave it out')
  const limits = { maxAgeMs: 5_000, maxEntries: 10_000, maxBytes: 64 * 2 ** 20, ...(given === true ? {} : given) }
  return checkedNumbers('nearCache', limits)
}

export function checkedUserSecret(secret: string | undefined, namespace: string): string {
  if (secret === undefined) return namespace
  if (typeof secret === 'string' && secret !== '') return secret
  throw wrong('userSecret: write a string, the same on every node, or leave it out')
}

function checkedNumbers<T extends object>(option: string, numbers: T): T {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isInteger(value) && value >= 1) continue
    throw wrong(`${option}.${name} ${String(value)}: write a whole number from 1 on`)
  }
  return numbers
}

function wrong(message: string): SessionError {
  return new SessionError('session-options', message)
}
