import { type Fields, isAlive } from '../format/record.ts'
import { expiryOf, packRecord, unpackRecord } from './local-record.ts'
import type { Shelf } from './local-shelf.ts'
import { notesOf } from './notes.ts'
import { PackedFields } from './packed-fields.ts'
import { type Kept, makeRecent } from './recent.ts'
import { type Notes, type Stored, tombstoneTtlMs } from './store.ts'

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

/** A record as it was loaded last, and what readers have made of it. */
interface Loaded extends Kept {
  readonly source: Buffer
  readonly fields: Fields
  readonly notes: Notes
}

const loadedRoom = { maxEntries: 10_000, maxBytes: 64 * 2 ** 20 }

export const full = Symbol('full')

export function sessionsOn(shelf: Shelf, namespace: string): LocalSessions {
  const prefix = `${namespace}:s:`
  const recent = makeRecent<Loaded>(loadedRoom)

  return {
    load(key) {
      const source = shelf.view(prefix + key)
      if (source === undefined) return undefined
      const ttlMs = expiryOf(source) - Date.now()
      if (ttlMs <= 0) return undefined
      const { fields, notes } = loaded(key, source)
      return { fields, ttlMs, notes }
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

  /** The shelf says whether anything has changed, by giving another object. */
  function loaded(key: string, source: Buffer): Loaded {
    const known = recent.get(key)
    if (known?.source === source) {
      recent.used(known)
      return known
    }
    const notes = notesOf((more) => recent.grow(entry, more))
    const bytes = loadedBytes + source.length
    const entry: Loaded = {
      key,
      source,
      fields: new PackedFields(source),
      notes,
      bytes,
      older: undefined,
      newer: undefined,
    }
    recent.put(entry)
    return entry
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

/** About what an entry takes besides the record. */
const loadedBytes = 1_000

function unexpired(bytes: Buffer): LocalSession | undefined {
  const ttlMs = expiryOf(bytes) - Date.now()
  return ttlMs > 0 ? { fields: unpackRecord(bytes), ttlMs } : undefined
}
