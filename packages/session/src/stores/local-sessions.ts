import { type Fields, isAlive } from '../format/record.ts'
import { expiryOf, packRecord, unpackRecord } from './local-record.ts'
import type { Shelf } from './local-shelf.ts'
import { PackedFields } from './packed-fields.ts'
import { type Stored, tombstoneTtlMs } from './store.ts'

/** Sessions on a shelf, under `<namespace>:s:<key>`. */
export interface LocalSessions {
  /** To be read only, fast: alive or a tombstone; undefined if it has expired. */
  load(key: string): Stored | undefined
  /** The same, the caller's own. */
  get(key: string): LocalSession | undefined
  /** undefined unless it is alive. */
  alive(key: string): LocalSession | undefined
  /** Throws `full` where it would grow and there is no room. */
  put(key: string, fields: Fields, ttlMs: number): void
  /** Leaves a tombstone in its place. */
  bury(key: string, why: string): void
  /** After `after`, in the order of their keys; `last` where there may be more. */
  page(after: string, limit: number): { readonly entries: readonly [string, LocalSession][]; readonly last?: string }
}

export interface LocalSession {
  readonly fields: Map<string, Buffer>
  readonly ttlMs: number
}

export const full = Symbol('full')

export function sessionsOn(shelf: Shelf, namespace: string): LocalSessions {
  const prefix = `${namespace}:s:`

  return {
    load(key) {
      const bytes = shelf.get(prefix + key)
      if (bytes === undefined) return undefined
      const ttlMs = expiryOf(bytes) - Date.now()
      return ttlMs > 0 ? { fields: new PackedFields(bytes), ttlMs } : undefined
    },

    get,

    alive(key) {
      const found = get(key)
      return found !== undefined && isAlive(found.fields) ? found : undefined
    },

    put,

    bury(key, why) {
      put(key, new Map([['@x', Buffer.from(why)]]), tombstoneTtlMs)
    },

    page(after, limit) {
      const entries: [string, LocalSession][] = []
      let seen = 0
      let last = ''
      // `;` comes right after `:`.
      for (const { key, value } of shelf.range(prefix + after, `${namespace}:s;`, limit)) {
        seen += 1
        last = key.slice(prefix.length)
        const found = unexpired(value)
        if (found !== undefined && isAlive(found.fields)) entries.push([last, found])
      }
      return seen < limit ? { entries } : { entries, last }
    },
  }

  function get(key: string): LocalSession | undefined {
    const bytes = shelf.get(prefix + key)
    return bytes === undefined ? undefined : unexpired(bytes)
  }

  function put(key: string, fields: Fields, ttlMs: number): void {
    const name = prefix + key
    const bytes = packRecord(fields, Date.now() + ttlMs)
    if (shelf.isFull() && bytes.length > (shelf.get(name)?.length ?? 0)) throw full
    shelf.put(name, bytes)
  }
}

function unexpired(bytes: Buffer): LocalSession | undefined {
  const ttlMs = expiryOf(bytes) - Date.now()
  return ttlMs > 0 ? { fields: unpackRecord(bytes), ttlMs } : undefined
}
