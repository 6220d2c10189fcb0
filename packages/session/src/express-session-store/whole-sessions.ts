import { SessionError } from '../errors.ts'
import { deadlineField, newRecord, readMeta } from '../format/record.ts'
import type { Listings } from '../listings.ts'
import type { SessionStore } from '../stores/store.ts'
import { type Lifetime, lifetimeOf } from './cookie-note.ts'
import { CarriedLoaded, type Loaded, type LoadedContext, loadedSession, type WholeSession } from './loaded.ts'

export interface WholeSessionsContext extends LoadedContext {
  readonly store: SessionStore
  readonly maxInactiveMs: number
  readonly absoluteMs: number | undefined
  readonly listings: Listings
  readonly onError: (error: Error) => void
  /** Sessions are copied on loading, by code that does not tell us: they carry what they were loaded as. */
  readonly carry: boolean
}

/** Loads and saves sessions as a whole, as middleware does, and writes of each only what changed since it was loaded. */
export interface WholeSessions {
  load(key: string): Promise<WholeSession | undefined>
  /** Rejects with SessionError `session-gone` for a session that was not loaded, under a key that was destroyed. */
  save(key: string, session: WholeSession): Promise<void>
  /** Extends its life, and keeps its cookie, not its attributes. */
  touch(key: string, session: WholeSession): Promise<void>
  /** `copy` is the session of the request that loaded `original`. */
  remember(original: WholeSession, copy: WholeSession): void
}

export function wholeSessions(context: WholeSessionsContext): WholeSessions {
  const { store, maxInactiveMs, absoluteMs, listings, onError, carry } = context
  const loadedOf = new WeakMap<WholeSession, Loaded>()

  return {
    async load(key) {
      const loaded = await find(key)
      if (loaded === undefined) return undefined
      const session = loaded.handOut()
      loadedOf.set(session, loaded)
      if (carry) CarriedLoaded.put(session, loaded)
      return session
    },

    async save(key, session) {
      const known = knownAs(key, session)
      const lifetime = lifetimeFor(session, known)
      // As in connect-redis: a cookie that has expired ends the session.
      if (lifetime.ttlMs <= 0) await store.destroy(key)
      else if (known !== undefined) await write(known, session, lifetime, 'all')
      else if (!(await begin(key, session, lifetime))) await replace(key, session)
    },

    async touch(key, session) {
      const loaded = knownAs(key, session) ?? (await find(key))
      if (loaded === undefined) return
      const lifetime = lifetimeFor(session, loaded)
      if (lifetime.ttlMs <= 0) await store.destroy(key)
      else await write(loaded, session, lifetime, 'cookie')
    },

    remember(original, copy) {
      const loaded = loadedOf.get(original)
      if (loaded !== undefined) loadedOf.set(copy, loaded)
    },
  }

  async function find(key: string): Promise<Loaded | undefined> {
    const stored = await store.load(key)
    if (stored === undefined) return undefined
    const meta = readMeta(stored.fields, Date.now())
    return meta.state === 'alive' ? loadedSession(key, { stored, meta }, context) : undefined
  }

  function knownAs(key: string, session: WholeSession): Loaded | undefined {
    const loaded = loadedOf.get(session) ?? CarriedLoaded.in(session)
    return loaded?.key === key ? loaded : undefined
  }

  function lifetimeFor(session: WholeSession, loaded: Loaded | undefined): Lifetime {
    const lifetime = lifetimeOf(session.cookie, loaded?.intervalMs ?? maxInactiveMs)
    const leftMs = loaded === undefined ? absoluteMs : loaded.deadlineMs && loaded.deadlineMs - Date.now()
    return leftMs === undefined || leftMs > lifetime.ttlMs ? lifetime : { ...lifetime, ttlMs: leftMs }
  }

  async function write(loaded: Loaded, session: WholeSession, lifetime: Lifetime, what: 'all' | 'cookie') {
    const { ttlMs } = lifetime
    const change = loaded.changes(session, lifetime, what)
    const touchIsDue = loaded.touchIsDue(ttlMs)
    if (change.isEmpty && !touchIsDue) return
    const owner = touchIsDue || listings.isDue(loaded.key, ttlMs) ? loaded.owner : undefined
    if (change.isEmpty) {
      await store.touch(loaded.key, ttlMs, owner)
      listings.renewed(loaded.key)
      return loaded.touched(ttlMs)
    }
    const version = await store.commit(loaded.key, change, ttlMs, owner === undefined ? undefined : { owner })
    if (version !== undefined) {
      if (owner !== undefined) listings.renewed(loaded.key)
      return change.settle(ttlMs)
    }
    if (change.names.length === 0) return
    const names = change.names.map((name) => JSON.stringify(name)).join(', ')
    onError(new SessionError('session-gone', `dropped what was assigned to ${names}: the session had ended meanwhile`))
  }

  /** false: the key is taken, by a session alive or dead. */
  async function begin(key: string, session: WholeSession, lifetime: Lifetime): Promise<boolean> {
    const begun = loadedSession(key, undefined, context)
    const change = begun.changes(session, lifetime, 'all')
    const nowMs = Date.now()
    const fields = newRecord({ createdAtMs: nowMs, maxInactiveMs: Math.max(1000, lifetime.intervalMs) })
    if (absoluteMs !== undefined) fields.set('@A', deadlineField(nowMs + absoluteMs))
    for (const [field, bytes] of change.set) fields.set(field, bytes)
    if (!(await store.create(key, fields, lifetime.ttlMs))) return false
    change.settle(lifetime.ttlMs, fields)
    loadedOf.set(session, begun)
    return true
  }

  /** What was never loaded is meant as it is: it takes the place of what is there. */
  async function replace(key: string, session: WholeSession): Promise<void> {
    const current = await find(key)
    if (current === undefined) {
      throw new SessionError(
        'session-gone',
        'a session was to begin under an id whose session has ended: give each new session an id of its own (genid)',
      )
    }
    current.handOut()
    await write(current, session, lifetimeFor(session, current), 'all')
    loadedOf.set(session, current)
  }
}
