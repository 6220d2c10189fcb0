import { SessionError } from '../errors.ts'
import { type Fields, tombstone } from '../format/record.ts'
import { etagOf } from '../format/value.ts'
import { unavailable, within } from './deadline.ts'
import { ownersOn } from './local-owners.ts'
import { expiryOf, packRecord, sizeOf, unpackRecord } from './local-record.ts'
import type { Shelf } from './local-shelf.ts'
import { sweepOf } from './local-sweep.ts'
import { type Change, type Listed, type SessionStore, type Stored, type Timeouts, tombstoneTtlMs } from './store.ts'

export interface LocalOptions {
  readonly shelf: Shelf
  readonly namespace: string
  readonly timeouts: Pick<Timeouts, 'loadMs' | 'commitMs'>
  /** Between two steps of the sweep. Default 10 s. */
  readonly sweepIntervalMs?: number
}

/**
 * The rules of sessions over a shelf, where each operation is one transaction: what takes Redis scripts, epochs read
 * twice and repairs needs none of it here.
 */
export function localStore(options: LocalOptions): SessionStore {
  const { shelf, namespace } = options
  const { loadMs, commitMs } = options.timeouts
  const prefix = `${namespace}:s:`
  const owners = ownersOn(shelf, namespace)
  const sweep = sweepOf(shelf)
  let state: { readonly is: 'up' | 'down'; readonly atMs: number } = { is: 'up', atMs: performance.now() }
  let closing: Promise<void> | undefined

  const timer = setInterval(() => {
    if (shelf.opening === undefined) sweep().catch(() => {})
  }, options.sweepIntervalMs ?? 10_000)
  timer.unref()

  return {
    load(key) {
      return read('load a session', () => stored(key))
    },

    peek(key) {
      if (shelf.opening !== undefined || state.is === 'down') return undefined
      try {
        shelf.refresh()
        return stored(key)
      } catch {
        return undefined
      }
    },

    create(key, fields, ttlMs, owner) {
      return write(() => {
        if (stored(key) !== undefined) return false
        put(key, withEpoch(fields, owner), ttlMs)
        if (owner !== undefined) owners.list(owner, key, ttlMs)
        return true
      })
    },

    commit(key, change, ttlMs, { owner, lock } = {}) {
      return write(() => {
        const fields = alive(key)
        if (fields === undefined) return undefined
        if (lock !== undefined && holderOf(fields) !== lock) throw lostLock()
        const version = apply(fields, change)
        put(key, fields, ttlMs)
        if (owner !== undefined) owners.list(owner, key, ttlMs)
        return version
      })
    },

    update(key, { field, etag, value }, ttlMs) {
      return write(() => {
        const fields = alive(key)
        if (fields === undefined) return { outcome: 'dead' as const }
        const current = fields.get(field)
        if (etagOf(current) !== etag) return { outcome: 'conflict' as const, value: current }
        const version = apply(
          fields,
          value === undefined ? { set: new Map(), remove: [field] } : { set: new Map([[field, value]]), remove: [] },
        )
        put(key, fields, ttlMs)
        return { outcome: 'done' as const, version }
      })
    },

    destroy(key, owner) {
      return write(() => {
        const wasAlive = alive(key) !== undefined
        if (wasAlive) bury(key, tombstone.destroyed)
        if (owner !== undefined) owners.unlist(owner, key)
        return wasAlive
      })
    },

    rotate({ from, to, owner, ifVersion, ...rotation }, ttlMs) {
      return write(() => {
        const fields = alive(from)
        if (fields === undefined) return undefined
        if (ifVersion !== undefined && versionOf(fields) !== ifVersion) return 'conflict' as const
        if (!rotation.keepAttributes) {
          for (const field of fields.keys()) if (/^(\.|@j\.)/.test(field)) fields.delete(field)
        }
        apply(fields, rotation)
        const moved = withEpoch(fields, owner)
        put(to, moved, ttlMs)
        bury(from, rotation.tombstone)
        if (owner !== undefined) {
          owners.unlist(owner, from)
          owners.list(owner, to, ttlMs)
        }
        return moved
      })
    },

    touch(key, ttlMs, owner) {
      return write(() => {
        const fields = alive(key)
        if (fields === undefined) return
        put(key, fields, ttlMs)
        if (owner !== undefined) owners.list(owner, key, ttlMs)
      })
    },

    destroyAllOf(owner, except) {
      return write(() => {
        owners.raiseEpoch(owner)
        let ended = 0
        for (const key of owners.sessionsOf(owner, '', Number.MAX_SAFE_INTEGER)) {
          if (key === except) continue
          if (alive(key) !== undefined) {
            bury(key, tombstone.killed)
            ended += 1
          }
          owners.unlist(owner, key)
        }
        return ended
      })
    },

    lock(key, holder, leaseMs) {
      return write(() => {
        const found = stored(key)
        if (found === undefined || !isAlive(found.fields)) return undefined
        const { fields, ttlMs } = found
        const other = holderOf(fields)
        if (other !== undefined && other !== holder) return 'taken' as const
        fields.set('@l', Buffer.from(`${holder}:${Date.now() + leaseMs}`))
        put(key, fields, ttlMs)
        return { fields, ttlMs }
      })
    },

    unlock(key, holder) {
      return write(() => {
        const found = stored(key)
        if (found === undefined || holderOf(found.fields) !== holder) return
        found.fields.delete('@l')
        put(key, found.fields, found.ttlMs)
      })
    },

    async count() {
      let alive = 0
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page: Page = await read('count the sessions', () => pageOf(cursor ?? '', 1000))
        alive += page.entries.length
        cursor = page.cursor
        // Requests have their turn between two pages.
        await new Promise(setImmediate)
      }
      return alive
    },

    list({ owner, cursor = '', limit = 100 }) {
      return read('list the sessions', () =>
        owner === undefined ? pageOf(cursor, limit) : pageOfOwner(owner, cursor, limit),
      )
    },

    health: () => ({ state: state.is, sinceMs: performance.now() - state.atMs }),

    close() {
      clearInterval(timer)
      closing ??= shelf.close()
      return closing
    },
  }

  /** At once, without a timer: nothing can come between. */
  function read<T>(what: string, action: () => T): Promise<T> {
    if (shelf.opening !== undefined) {
      return within(
        loadMs,
        what,
        shelf.opening.then(() => read(what, action)),
      )
    }
    try {
      shelf.refresh()
      const result = action()
      if (state.is === 'down') become('up')
      return Promise.resolve(result)
    } catch (cause) {
      become('down')
      return Promise.reject(unavailable(`the session store failed to ${what}: ${(cause as Error).message}`, cause))
    }
  }

  function write<T>(action: () => T): Promise<T> {
    const written = shelf.opening === undefined ? shelf.write(action) : shelf.opening.then(() => shelf.write(action))
    const result = within(commitMs, 'commit a session', written)
    result.then(
      () => become('up'),
      (error: unknown) => {
        // Refusing what the rules refuse is part of working well.
        if (error instanceof SessionError && error.code === 'session-unavailable') become('down')
      },
    )
    return result
  }

  function become(next: 'up' | 'down'): void {
    if (state.is !== next) state = { is: next, atMs: performance.now() }
  }

  function stored(key: string): { fields: Map<string, Buffer>; ttlMs: number } | undefined {
    const bytes = shelf.get(prefix + key)
    if (bytes === undefined) return undefined
    const ttlMs = expiryOf(bytes) - Date.now()
    return ttlMs > 0 ? { fields: unpackRecord(bytes), ttlMs } : undefined
  }

  function alive(key: string): Map<string, Buffer> | undefined {
    const fields = stored(key)?.fields
    return fields !== undefined && isAlive(fields) ? fields : undefined
  }

  function put(key: string, fields: Fields, ttlMs: number): void {
    shelf.put(prefix + key, packRecord(fields, Date.now() + ttlMs))
  }

  function bury(key: string, why: string): void {
    put(key, new Map([['@x', Buffer.from(why)]]), tombstoneTtlMs)
  }

  function withEpoch(fields: Fields, owner: string | undefined): Fields {
    if (owner === undefined) return fields
    return new Map([...fields, ['@e', Buffer.from(String(owners.epoch(owner)))]])
  }

  function pageOf(cursor: string, limit: number): Page {
    const entries: Listed[] = []
    let seen = 0
    let last = ''
    // `;` comes right after `:`.
    for (const { key, value } of shelf.range(prefix + cursor, `${namespace}:s;`, limit)) {
      seen += 1
      last = key.slice(prefix.length)
      const ttlMs = expiryOf(value) - Date.now()
      if (ttlMs > 0) entries.push(...listed(last, { fields: unpackRecord(value), ttlMs }))
    }
    return { entries, ...(seen < limit ? {} : { cursor: last }) }
  }

  function pageOfOwner(owner: string, cursor: string, limit: number): Page {
    const keys = owners.sessionsOf(owner, cursor, limit)
    return {
      entries: keys.flatMap((key) => listed(key, stored(key))),
      ...(keys.length < limit ? {} : { cursor: keys.at(-1) ?? '' }),
    }
  }
}

type Page = Awaited<ReturnType<SessionStore['list']>>

function isAlive(fields: Fields): boolean {
  return fields.has('@c') && !fields.has('@x')
}

/** Nothing for what is dead. */
function listed(key: string, found: Stored | undefined): Listed[] {
  if (found === undefined || !isAlive(found.fields)) return []
  const { fields, ttlMs } = found
  const meta = new Map<string, Buffer>()
  for (const [name, value] of fields) if (name.startsWith('@')) meta.set(name, value)
  return [{ key, meta, ttlMs, bytes: sizeOf(fields) }]
}

/** Gives the new version. */
function apply(fields: Map<string, Buffer>, change: Change): number {
  for (const [field, value] of change.set) fields.set(field, value)
  for (const field of change.remove) fields.delete(field)
  const version = versionOf(fields) + 1
  fields.set('@v', Buffer.from(String(version)))
  return version
}

function versionOf(fields: Fields): number {
  return Number(fields.get('@v') ?? 0)
}

/** Who has the lock now. */
function holderOf(fields: Fields): string | undefined {
  const lock = /^(.*):(\d+)$/s.exec(fields.get('@l')?.toString() ?? '')
  return lock !== null && Number(lock[2]) > Date.now() ? lock[1] : undefined
}

function lostLock(): SessionError {
  return new SessionError(
    'session-conflict',
    'this request has lost the lock of its session, so nothing of it was stored: ask for a longer lease, or do less under it',
  )
}
