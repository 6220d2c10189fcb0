import { SessionError } from '../errors.ts'
import { type Fields, isAlive } from '../format/record.ts'
import type { CacheSnapshot } from '../metrics/meter.ts'
import { type Entry, makeEntries } from './near-cache-entries.ts'
import { makeLoads } from './near-cache-loads.ts'
import type { Tracking } from './near-cache-tracking.ts'
import { type Change, changeOf, type SessionStore, type Stored, type Updated, type Wanted } from './store.ts'

export interface NearCacheOptions {
  /** The one that the store below reports to. */
  readonly tracking: Tracking
  /** Of the store's keys: what stands before a session's key, `<namespace>:s:`. */
  readonly keyPrefix: string
  /** How old a session may be that is served without asking the store, whatever happens to invalidations. Default 5,000. */
  readonly maxAgeMs?: number
  /** Default 10,000. */
  readonly maxEntries?: number
  /** Default 64 MiB. */
  readonly maxBytes?: number
  /**
   * Nothing is served once it is longer ago than this that the store was proven to have told us everything: for a
   * connection that is half open. Default 1,000; more than twice what `tracking` waits between its PINGs.
   */
  readonly maxSilenceMs?: number
}

export interface NearCache extends SessionStore {
  peek(key: string, want?: Wanted): Stored | undefined
  stats(): CacheSnapshot
}

/**
 * Keeps sessions that were read in this process' memory, and serves them until somebody writes them. What a client
 * has committed itself it always sees (`Wanted.atLeast`); what others wrote, at the latest after `maxAgeMs`.
 *
 * Whatever ends or moves a session, locks it or could not be confirmed drops it here; a commit is carried over only from
 * exactly the version before.
 */
export function nearCache(inner: SessionStore, options: NearCacheOptions): NearCache {
  const { tracking, keyPrefix, maxAgeMs = 5_000, maxSilenceMs = 1_000 } = options
  const { maxEntries = 10_000, maxBytes = 64 * 2 ** 20 } = options
  const entries = makeEntries({ maxEntries, maxBytes })
  const loads = makeLoads()
  /** Rises whenever we may have missed something. Entries of an earlier era serve only who asked for a stale one. */
  let era = 0
  let hits = 0
  let misses = 0
  let stale = 0
  let invalidated = 0

  tracking.listen({
    invalidated(redisKey) {
      if (!redisKey.startsWith(keyPrefix)) return
      const key = redisKey.slice(keyPrefix.length)
      loads.spoil(key)
      if (entries.remove(key)) invalidated += 1
    },
    emptied: forgetAll,
    lost() {
      era += 1
      loads.spoilAll()
    },
  })

  return {
    peek,

    async load(key, want) {
      const cached = peek(key, want)
      if (cached !== undefined) return cached
      const entry = entries.get(key)
      misses += 1
      if (entry !== undefined) stale += 1
      const sentAt = performance.now()
      const load = loads.begin(key)
      let stored: Stored | undefined
      try {
        stored = await inner.load(key, want)
      } catch (error) {
        loads.end(key, load)
        const old = want?.staleOk === true && isUnavailable(error) ? entries.get(key) : undefined
        if (old === undefined || !isGoodEnough(old, want)) throw error
        const ttlMs = old.deadlineAt - performance.now()
        if (ttlMs <= 0) throw error
        return { fields: old.fields, ttlMs }
      }
      if (loads.end(key, load)) keep(key, stored, sentAt)
      return stored
    },

    commit(key, change, ttlMs, commitOptions) {
      const sent = { at: performance.now(), change, ttlMs }
      return carried(key, sent, inner.commit(key, change, ttlMs, commitOptions), (version) => version)
    },

    update(key, change, ttlMs) {
      const sent = { at: performance.now(), change: changeOf(change), ttlMs }
      return carried(key, sent, inner.update(key, change, ttlMs), versionOf)
    },

    create: (key, fields, ttlMs, owner) => dropped(key, inner.create(key, fields, ttlMs, owner)),
    destroy: (key, owner) => dropped(key, inner.destroy(key, owner)),
    rotate: (rotation, ttlMs) => dropped(rotation.to, dropped(rotation.from, inner.rotate(rotation, ttlMs))),
    // PEXPIRE is a write as well: it ends the tracking of the key. Touches are rare.
    touch: (key, ttlMs, owner) => dropped(key, inner.touch(key, ttlMs, owner)),
    lock: (key, holder, leaseMs) => dropped(key, inner.lock(key, holder, leaseMs)),
    unlock: (key, holder) => dropped(key, inner.unlock(key, holder)),

    async destroyAllOf(owner, except) {
      try {
        return await inner.destroyAllOf(owner, except)
      } finally {
        // Our own writes are not pushed to us, and which sessions were theirs is not known here.
        forgetAll()
      }
    },

    count: () => inner.count(),
    list: (page) => inner.list(page),
    health: () => inner.health(),

    async close() {
      tracking.close()
      forgetAll()
      await inner.close()
    },

    stats: () => ({
      hits,
      misses,
      stale,
      invalidated,
      evicted: entries.evicted(),
      entries: entries.size(),
      bytes: entries.bytes(),
    }),
  }

  function peek(key: string, want?: Wanted): Stored | undefined {
    if (want?.fresh === true) return undefined
    const entry = entries.get(key)
    if (entry === undefined || entry.era !== era || !isGoodEnough(entry, want)) return undefined
    const now = performance.now()
    if (now - entry.loadedAt >= maxAgeMs || now - tracking.provenAt() >= maxSilenceMs) return undefined
    const ttlMs = entry.deadlineAt - now
    if (ttlMs <= 0) return undefined
    entries.used(entry)
    hits += 1
    return { fields: entry.fields, ttlMs, notes: entry.notes }
  }

  /** What the client itself has written it must see, even while the store is away. */
  function isGoodEnough(entry: Entry, want: Wanted | undefined): boolean {
    return want?.atLeast === undefined || entry.version >= want.atLeast
  }

  function keep(key: string, stored: Stored | undefined, sentAt: number): void {
    const version = Number(stored?.fields.get('@v')?.toString('latin1'))
    if (stored === undefined || !Number.isSafeInteger(version) || !isAlive(stored.fields) || stored.ttlMs <= 0) {
      entries.remove(key)
      return
    }
    entries.put(key, { fields: stored.fields, version, deadlineAt: sentAt + stored.ttlMs, loadedAt: sentAt }, era)
  }

  /**
   * After an own write nothing tells of the key any more, and a load whose answer has not been seen yet may be from
   * before it. Until then the entry is as good as any answer.
   */
  async function dropped<T>(key: string, write: Promise<T>): Promise<T> {
    try {
      return await write
    } finally {
      loads.spoil(key)
      entries.remove(key)
    }
  }

  /** After an own write that ended with a read of the key, so that Redis tells of it again. */
  async function carried<T>(
    key: string,
    sent: { readonly at: number; readonly change: Change; readonly ttlMs: number },
    write: Promise<T>,
    version: (result: T) => number | undefined,
  ): Promise<T> {
    const eraBefore = era
    let next: number | undefined
    try {
      const result = await write
      next = version(result)
      return result
    } finally {
      loads.spoil(key)
      const entry = entries.get(key)
      // Each change has a version of its own: from the one before, the same change makes what the store has. Not so from
      // an earlier era: a server that took over may have lost some, and given their versions to others.
      if (next !== undefined && entry?.version === next - 1 && entry.era === era && eraBefore === era) {
        const fields = changed(entry.fields, sent.change, next)
        entries.put(key, { fields, version: next, deadlineAt: sent.at + sent.ttlMs, loadedAt: sent.at }, era)
      } else {
        entries.remove(key)
      }
    }
  }

  function forgetAll(): void {
    loads.spoilAll()
    entries.clear()
  }
}

function changed(fields: Fields, change: Change, version: number): Fields {
  const next = new Map(fields)
  for (const [field, value] of change.set) next.set(field, value)
  for (const field of change.remove) next.delete(field)
  next.set('@v', Buffer.from(String(version)))
  return next
}

function versionOf(updated: Updated): number | undefined {
  return updated.outcome === 'done' ? updated.version : undefined
}

function isUnavailable(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'session-unavailable'
}
