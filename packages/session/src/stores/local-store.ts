import { type Fields, tombstone } from '../format/record.ts'
import { etagOf } from '../format/value.ts'
import { callsOn } from './local-calls.ts'
import { holderOf, lockOf, lostLock } from './local-lock.ts'
import { ownersOn } from './local-owners.ts'
import { sizeOf } from './local-record.ts'
import { type LocalSession, sessionsOn } from './local-sessions.ts'
import type { Shelf } from './local-shelf.ts'
import { sweepOf } from './local-sweep.ts'
import { type Change, changeOf, type Listed, type SessionStore, type Timeouts } from './store.ts'

export interface LocalOptions {
  readonly shelf: Shelf
  readonly namespace: string
  readonly timeouts: Pick<Timeouts, 'loadMs' | 'commitMs'>
  /** Between two steps of the sweep. Default 10 s. */
  readonly sweepIntervalMs?: number
}

/**
 * The rules of sessions over a shelf, where each operation is one transaction: what takes Redis scripts, epochs read
 * twice and repairs needs none of it here. Whatever may be refused is, before anything is put.
 */
export function localStore({ shelf, namespace, timeouts, sweepIntervalMs = 10_000 }: LocalOptions): SessionStore {
  const sessions = sessionsOn(shelf, namespace)
  const owners = ownersOn(shelf, namespace)
  const sweep = sweepOf(shelf)
  const { read, peek, write, health, close } = callsOn(shelf, sweep, timeouts)
  let closing: Promise<void> | undefined

  const timer = setInterval(() => {
    if (shelf.opening === undefined) sweep.step().catch(() => {})
  }, sweepIntervalMs)
  timer.unref()

  return {
    load: (key) => read('load a session', () => sessions.load(key)),
    peek: (key) => peek(() => sessions.load(key)),

    create(key, fields, ttlMs, owner) {
      return write(() => {
        if (sessions.get(key) !== undefined) return false
        sessions.put(key, withEpoch(fields, owner), ttlMs)
        if (owner !== undefined) owners.list(owner, key, ttlMs)
        return true
      })
    },

    commit(key, change, ttlMs, { owner, lock } = {}) {
      return write(() => {
        const fields = sessions.alive(key)?.fields
        if (fields === undefined) return undefined
        if (lock !== undefined && holderOf(fields) !== lock) throw lostLock()
        const version = apply(fields, change)
        sessions.put(key, fields, ttlMs)
        if (owner !== undefined) owners.list(owner, key, ttlMs)
        return version
      })
    },

    update(key, change, ttlMs) {
      return write(() => {
        const fields = sessions.alive(key)?.fields
        if (fields === undefined) return { outcome: 'dead' as const }
        const current = fields.get(change.field)
        if (etagOf(current) !== change.etag) return { outcome: 'conflict' as const, value: current }
        const version = apply(fields, changeOf(change))
        sessions.put(key, fields, ttlMs)
        return { outcome: 'done' as const, version }
      })
    },

    destroy(key, owner) {
      return write(() => {
        const wasAlive = sessions.alive(key) !== undefined
        if (wasAlive) sessions.bury(key, tombstone.destroyed)
        if (owner !== undefined) owners.unlist(owner, key)
        return wasAlive
      })
    },

    rotate({ from, to, owner, ifVersion, ...rotation }, ttlMs) {
      return write(() => {
        const fields = sessions.alive(from)?.fields
        if (fields === undefined) return undefined
        if (ifVersion !== undefined && versionOf(fields) !== ifVersion) return 'conflict' as const
        if (!rotation.keepAttributes) {
          for (const field of fields.keys()) if (/^(\.|@j\.)/.test(field)) fields.delete(field)
        }
        apply(fields, rotation)
        const moved = withEpoch(fields, owner)
        sessions.put(to, moved, ttlMs)
        sessions.bury(from, rotation.tombstone)
        if (owner !== undefined) {
          owners.unlist(owner, from)
          owners.list(owner, to, ttlMs)
        }
        return moved
      })
    },

    touch(key, ttlMs, owner) {
      return write(() => {
        const fields = sessions.alive(key)?.fields
        if (fields === undefined) return
        sessions.put(key, fields, ttlMs)
        if (owner !== undefined) owners.list(owner, key, ttlMs)
      })
    },

    destroyAllOf(owner, except) {
      return write(() => {
        const keys = owners.sessionsOf(owner).filter((key) => key !== except)
        const alive = keys.filter((key) => sessions.alive(key) !== undefined)
        owners.raiseEpoch(owner)
        for (const key of alive) sessions.bury(key, tombstone.killed)
        for (const key of keys) owners.unlist(owner, key)
        return alive.length
      })
    },

    lock(key, holder, leaseMs) {
      return write(() => {
        const found = sessions.alive(key)
        if (found === undefined) return undefined
        const other = holderOf(found.fields)
        if (other !== undefined && other !== holder) return 'taken' as const
        found.fields.set('@l', lockOf(holder, leaseMs))
        sessions.put(key, found.fields, found.ttlMs)
        return found
      })
    },

    unlock(key, holder) {
      return write(() => {
        const found = sessions.alive(key)
        if (found === undefined || holderOf(found.fields) !== holder) return
        found.fields.delete('@l')
        sessions.put(key, found.fields, found.ttlMs)
      })
    },

    async count() {
      let count = 0
      for (let after: string | undefined = ''; after !== undefined; ) {
        const start: string = after
        const { entries, last } = await read('count the sessions', () => sessions.page(start, countedAtOnce))
        count += entries.length
        after = last
        // Requests have their turn between two pages.
        await new Promise(setImmediate)
      }
      return count
    },

    list({ owner, cursor = '', limit = 100 }) {
      return read('list the sessions', () => {
        if (owner === undefined) {
          const { entries, last } = sessions.page(cursor, limit)
          return { entries: entries.map(listed), ...(last === undefined ? {} : { cursor: last }) }
        }
        const keys = owners.sessionsOf(owner, { after: cursor, limit })
        const entries = keys.flatMap((key) => {
          const found = sessions.alive(key)
          return found === undefined ? [] : [listed([key, found])]
        })
        return { entries, ...(keys.length < limit ? {} : { cursor: keys.at(-1)! }) }
      })
    },

    health,

    close() {
      clearInterval(timer)
      close()
      closing ??= shelf.close()
      return closing
    },
  }

  function withEpoch(fields: Fields, owner: string | undefined): Fields {
    if (owner === undefined) return fields
    return new Map([...fields, ['@e', Buffer.from(String(owners.epoch(owner)))]])
  }
}

const countedAtOnce = 1000

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

function listed([key, { fields, ttlMs }]: readonly [string, LocalSession]): Listed {
  const meta = new Map([...fields].filter(([name]) => name.startsWith('@')))
  return { key, meta, ttlMs, bytes: sizeOf(fields) }
}
