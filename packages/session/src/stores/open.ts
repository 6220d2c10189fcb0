import { SessionError } from '../errors.ts'
import { lmdbStore } from './lmdb.ts'
import { parseLmdbUrl } from './lmdb-url.ts'
import { memoryStore } from './memory.ts'
import type { Tracking } from './near-cache-tracking.ts'
import { redisStore } from './redis.ts'
import { isRedisUrl } from './redis-target.ts'
import type { SessionStore, Timeouts } from './store.ts'

/**
 * `lmdb:<path>[?maxBytes=…]`, `memory:`, `redis://…`, `rediss://…`, `redis+unix:///…`, `redis+sentinel://…`, `redis+cluster://…`, `rediss+…`.
 * Throws SessionError `session-options`, and never shows the URL: it may hold a password.
 */
export function openStore(
  url: string,
  more: { namespace: string; timeouts: Timeouts; tracking?: Tracking },
): SessionStore {
  if (isRedisUrl(url)) return redisStore({ url, ...more })
  if (url.startsWith('lmdb:')) return lmdbStore({ ...parseLmdbUrl(url), ...more })
  if (url === 'memory:') return memoryStore(more)
  throw new SessionError(
    'session-options',
    `the session store ${schemeOf(url)}; write lmdb:<folder>, redis://… or rediss://…, or one with +sentinel, +cluster or +unix`,
  )
}

function schemeOf(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,30}(?=:)/i.exec(url)?.[0]
  return scheme === undefined ? 'has no scheme' : `has the scheme ${JSON.stringify(scheme)}`
}

/**
 * A server that does not answer is given up soon, so that one outage does not hold every request. A store on this host
 * cannot be away: when it is late the disk or the processor is busy, and an answer that comes late is better than none.
 */
export function defaultTimeouts(url: string): Timeouts {
  return /^(lmdb|memory):/.test(url)
    ? { connectMs: 1_000, loadMs: 5_000, commitMs: 5_000 }
    : { connectMs: 1_000, loadMs: 250, commitMs: 500 }
}
