import { mkdirSync } from 'node:fs'
import { open } from 'lmdb'
import type { Fields } from '../format/record.ts'
import { etagOf } from '../format/value.ts'
import { within } from './deadline.ts'
import { expiryOf, packRecord, unpackRecord } from './lmdb-record.ts'
import type { Change, SessionStore, Timeouts } from './store.ts'
import { tombstoneTtlMs } from './store.ts'

export interface LmdbOptions {
  /** A folder, made if it is missing. All processes of one host may share it; it must not be on a network drive. */
  readonly path: string
  readonly namespace: string
  readonly timeouts: Timeouts
  /** Between two steps of the sweep; each looks at up to 1,000 records. */
  readonly sweepIntervalMs?: number
}

/**
 * Sessions in LMDB. A write resolves once its transaction is committed, visible to every process and in the operating
 * system's hands: it survives a kill -9 of all of them. The disk is written right behind, so a power cut may take the
 * last moments, and never the consistency, of the store.
 */
export function lmdbStore(options: LmdbOptions): SessionStore {
  mkdirSync(options.path, { recursive: true, mode: 0o700 })
  const db = open<Buffer, string>({ path: options.path, encoding: 'binary', cache: false, noSubdir: false })
  const prefix = `${options.namespace}:s:`
  const { loadMs, commitMs } = options.timeouts
  let closing: Promise<void> | undefined

  const sweep = sweeper()
  const timer = setInterval(() => sweep().catch(() => {}), options.sweepIntervalMs ?? 10_000)
  timer.unref()

  return {
    load(key) {
      return within(
        loadMs,
        'load a session',
        attempt(() => {
          // Another process may have committed since this turn's snapshot was taken.
          db.resetReadTxn()
          return stored(key)
        }),
      )
    },

    create(key, fields, ttlMs) {
      return write(() => {
        if (stored(key) !== undefined) return false
        put(key, fields, ttlMs)
        return true
      })
    },

    commit(key, change, ttlMs) {
      return write(() => {
        const fields = alive(key)
        if (fields === undefined) return false
        put(key, changed(fields, change), ttlMs)
        return true
      })
    },

    update(key, { field, etag, value }, ttlMs) {
      return write(() => {
        const fields = alive(key)
        if (fields === undefined) return { outcome: 'dead' as const }
        const current = fields.get(field)
        if (etagOf(current) !== etag) return { outcome: 'conflict' as const, value: current }
        const change =
          value === undefined ? { set: new Map(), remove: [field] } : { set: new Map([[field, value]]), remove: [] }
        put(key, changed(fields, change), ttlMs)
        return { outcome: 'done' as const }
      })
    },

    destroy(key) {
      return write(() => {
        const wasAlive = alive(key) !== undefined
        if (wasAlive) put(key, new Map([['@x', Buffer.from('d')]]), tombstoneTtlMs)
        return wasAlive
      })
    },

    rotate(rotation, ttlMs) {
      return write(() => {
        const fields = alive(rotation.from)
        if (fields === undefined) return undefined
        if (!rotation.keepAttributes) {
          for (const field of fields.keys()) if (/^(\.|@j\.)/.test(field)) fields.delete(field)
        }
        const moved = changed(fields, rotation)
        put(rotation.to, moved, ttlMs)
        put(rotation.from, new Map([['@x', Buffer.from(rotation.tombstone)]]), tombstoneTtlMs)
        return moved
      })
    },

    async touch(key, ttlMs) {
      await write(() => {
        const fields = alive(key)
        if (fields !== undefined) put(key, fields, ttlMs)
      })
    },

    close() {
      clearInterval(timer)
      closing ??= db.close()
      return closing
    },
  }

  function write<T>(action: () => T): Promise<T> {
    return within(
      commitMs,
      'commit a session',
      attempt(() => db.transaction(action)),
    )
  }

  function stored(key: string): { fields: Map<string, Buffer>; ttlMs: number } | undefined {
    const bytes = db.get(prefix + key)
    if (bytes === undefined) return undefined
    const ttlMs = expiryOf(bytes) - Date.now()
    return ttlMs > 0 ? { fields: unpackRecord(bytes), ttlMs } : undefined
  }

  function alive(key: string): Map<string, Buffer> | undefined {
    const fields = stored(key)?.fields
    return fields?.has('@c') && !fields.has('@x') ? fields : undefined
  }

  function put(key: string, fields: Fields, ttlMs: number): void {
    void db.put(prefix + key, packRecord(fields, Date.now() + ttlMs))
  }

  /** Looks at the next records, of any namespace, and removes those that have expired. */
  function sweeper(): () => Promise<void> {
    const limit = 1000
    let start: string | undefined
    return async () => {
      const now = Date.now()
      const expired: string[] = []
      let seen = 0
      let last: string | undefined
      for (const { key, value } of db.getRange({ ...(start === undefined ? {} : { start }), limit })) {
        seen += 1
        last = key
        if (expiryOf(value) <= now) expired.push(key)
      }
      start = seen < limit ? undefined : last
      if (expired.length === 0 || closing !== undefined) return
      await db.transaction(() => {
        for (const key of expired) {
          const bytes = db.get(key)
          if (bytes !== undefined && expiryOf(bytes) <= now) void db.remove(key)
        }
      })
    }
  }
}

function changed(fields: Map<string, Buffer>, change: Change): Map<string, Buffer> {
  for (const [field, value] of change.set) fields.set(field, value)
  for (const field of change.remove) fields.delete(field)
  fields.set('@v', Buffer.from(String(Number(fields.get('@v') ?? 0) + 1)))
  return fields
}

async function attempt<T>(action: () => T | Promise<T>): Promise<T> {
  return action()
}
