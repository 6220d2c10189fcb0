import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, RESP_TYPES } from 'redis'
import { expect } from 'vitest'
import { decodeValue } from '../src/format/value.ts'
import { type NearCache, type NearCacheOptions, nearCache } from '../src/stores/near-cache.ts'
import { makeTracking } from '../src/stores/near-cache-tracking.ts'
import { redisStore } from '../src/stores/redis.ts'
import type { Change, SessionStore, Stored, Timeouts } from '../src/stores/store.ts'
import type { TestRedis } from './redis-server.ts'
import { type RespProxy, startRespProxy } from './resp-proxy.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

/** One node: its store, behind a proxy of its own. */
export interface CachingNode {
  readonly proxy: RespProxy
  readonly store: NearCache
  close(): Promise<void>
}

/** Far beyond any test: what is current then is so because of an invalidation, or of a version. */
export const long: Partial<NearCacheOptions> = { maxAgeMs: 600_000, maxSilenceMs: 600_000 }

export const patient: Timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }

/** `between`: a layer between the cache and Redis. */
export type NodeOptions = [
  options?: Partial<NearCacheOptions>,
  timeouts?: Partial<Timeouts>,
  between?: (inner: SessionStore) => SessionStore,
]

export async function startCachingNode(
  redisPort: number,
  ...[options = long, timeouts = {}, between = (inner) => inner]: NodeOptions
): Promise<CachingNode> {
  const proxy = await startRespProxy(redisPort)
  const tracking = makeTracking({ pingEveryMs: 20 })
  const inner = redisStore({ url: proxy.url, namespace: 'near', timeouts: { ...patient, ...timeouts }, tracking })
  const store = nearCache(between(inner), { tracking, keyPrefix: 'near:s:', ...options })
  await orAgain(() => store.load('connected'))
  return {
    proxy,
    store,
    async close() {
      await store.close()
      await proxy.close()
    },
  }
}

/** With an attribute `a` that is 1. */
export async function newSession({ store }: CachingNode): Promise<string> {
  const key = newKey()
  await store.create(key, record({ a: sealed(1) }), 60_000)
  return key
}

export function set(name: string, value: unknown): Change {
  return { set: new Map([[`.${name}`, sealed(value)]]), remove: [] }
}

export function valueIn(stored: Stored | undefined, name = 'a'): unknown {
  const bytes = stored?.fields.get(`.${name}`)
  const decoded = bytes && decodeValue(bytes)
  return decoded?.readable ? decoded.value : undefined
}

/** All fields as text. */
export function stateOf(stored: Stored | undefined): Record<string, string> {
  return Object.fromEntries([...(stored?.fields ?? [])].map(([name, bytes]) => [name, bytes.toString('latin1')]).sort())
}

/** Until an invalidation has arrived. */
export async function gone({ store }: CachingNode, key: string): Promise<void> {
  await expect.poll(() => store.peek(key), { timeout: 5_000, interval: 2 }).toBeUndefined()
}

/** A connection that was cut fails what was under way. */
export async function orAgain<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch {
      await sleep(5)
    }
  }
}

/** Somebody else at the same Redis. */
export function adminOf(redis: TestRedis) {
  const client = createClient({ url: redis.url }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  client.on('error', () => {})
  return client
}
