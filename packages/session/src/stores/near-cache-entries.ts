import type { Fields } from '../format/record.ts'
import type { Notes } from './store.ts'

/** One session as it was read or committed last. Times are of `performance.now()`. */
export interface CachedSession {
  readonly fields: Fields
  /** `@v` */
  readonly version: number
  /** When it expires unless it is touched. */
  readonly deadlineAt: number
  /** When the load, or commit, was sent whose answer this is: it may have been out of date since then. */
  readonly loadedAt: number
}

export interface Entry extends CachedSession {
  readonly key: string
  readonly notes: Notes
  /** Grows with what is noted. */
  bytes: number
  /** False from when the connection was lost over which it was read: nothing tells of its changes any more. */
  readonly era: number
  older: Entry | undefined
  newer: Entry | undefined
}

export interface EntriesLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Cached sessions, bounded in number and bytes; what was used longest ago goes first. No call costs more than the entries it removes. */
export interface Entries {
  get(key: string): Entry | undefined
  /** To be told of each use. */
  used(entry: Entry): void
  /** Replaces what is there. What is over the bounds all by itself is not kept. */
  put(key: string, session: CachedSession, era: number): void
  remove(key: string): boolean
  clear(): void
  size(): number
  bytes(): number
  evicted(): number
}

export function makeEntries({ maxEntries, maxBytes }: EntriesLimits): Entries {
  let entries = new Map<string, Entry>()
  let newest: Entry | undefined
  let oldest: Entry | undefined
  let bytes = 0
  let evicted = 0

  return {
    get: (key) => entries.get(key),

    used(entry) {
      if (entry === newest) return
      unlink(entry)
      link(entry)
    },

    put(key, session, era) {
      remove(key)
      const fields = compact(session.fields)
      const entry: Entry = {
        key,
        notes: notesOf((more) => grow(entry, more)),
        fields,
        version: session.version,
        deadlineAt: session.deadlineAt,
        loadedAt: session.loadedAt,
        bytes: sizeOf(fields),
        era,
        older: undefined,
        newer: undefined,
      }
      if (entry.bytes > maxBytes || maxEntries < 1) return
      entries.set(key, entry)
      bytes += entry.bytes
      link(entry)
      evict()
    },

    remove,

    clear() {
      entries = new Map()
      newest = undefined
      oldest = undefined
      bytes = 0
    },

    size: () => entries.size,
    bytes: () => bytes,
    evicted: () => evicted,
  }

  function remove(key: string): boolean {
    const entry = entries.get(key)
    if (entry === undefined) return false
    entries.delete(key)
    bytes -= entry.bytes
    unlink(entry)
    return true
  }

  /** false: there is no room, or the entry has gone while a request still held it. */
  function grow(entry: Entry, more: number): boolean {
    if (entries.get(entry.key) !== entry || entry.bytes + more > maxBytes) return false
    entry.bytes += more
    bytes += more
    evict()
    return true
  }

  function evict(): void {
    while (oldest !== undefined && (entries.size > maxEntries || bytes > maxBytes)) {
      remove(oldest.key)
      evicted += 1
    }
  }

  function link(entry: Entry): void {
    entry.older = newest
    entry.newer = undefined
    if (newest !== undefined) newest.newer = entry
    newest = entry
    oldest ??= entry
  }

  function unlink(entry: Entry): void {
    if (entry.older === undefined) oldest = entry.newer
    else entry.older.newer = entry.newer
    if (entry.newer === undefined) newest = entry.older
    else entry.newer.older = entry.older
  }
}

function notesOf(grow: (bytes: number) => boolean): Notes {
  const parsed = new Map<string, object>()
  return {
    meta: undefined,
    json: (name) => parsed.get(name),
    keepJson(name, value, bytes) {
      // About what it takes in memory: small objects take several times as much as their text.
      if (!parsed.has(name) && grow(200 + 5 * bytes)) parsed.set(name, value)
    },
  }
}

/**
 * The same in memory of its own. Replies are views of what the socket read, up to 64 KiB at a time: a few bytes that are
 * kept would keep all of it.
 */
function compact(fields: Fields): Fields {
  let length = 0
  for (const value of fields.values()) length += value.length
  const bytes = Buffer.allocUnsafeSlow(length)
  const copy = new Map<string, Buffer>()
  let at = 0
  for (const [name, value] of fields) {
    bytes.set(value, at)
    copy.set(name, bytes.subarray(at, at + value.length))
    at += value.length
  }
  return copy
}

/** About what it takes in memory: measured, a field is a map slot, a string and a Buffer object. */
function sizeOf(fields: Fields): number {
  let bytes = 500
  for (const [name, value] of fields) bytes += 200 + name.length + value.length
  return bytes
}
