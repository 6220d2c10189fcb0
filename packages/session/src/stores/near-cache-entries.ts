import type { Fields } from '../format/record.ts'
import { notesOf } from './notes.ts'
import { type Kept, makeRecent, type Room } from './recent.ts'
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

export interface Entry extends CachedSession, Kept {
  readonly notes: Notes
  /** False from when the connection was lost over which it was read: nothing tells of its changes any more. */
  readonly era: number
}

/** Cached sessions, bounded in number and bytes. */
export interface Entries {
  get(key: string): Entry | undefined
  /** To be told of each use. */
  used(entry: Entry): void
  /** Replaces what is there. */
  put(key: string, session: CachedSession, era: number): void
  remove(key: string): boolean
  clear(): void
  size(): number
  bytes(): number
  evicted(): number
}

export function makeEntries(room: Room): Entries {
  const recent = makeRecent<Entry>(room)

  return {
    ...recent,

    put(key, { fields: given, version, deadlineAt, loadedAt }, era) {
      const fields = compact(given)
      const bytes = sizeOf(fields)
      const notes = notesOf((more) => recent.grow(entry, more))
      const links = { older: undefined, newer: undefined }
      const entry: Entry = { key, notes, fields, version, deadlineAt, loadedAt, bytes, era, ...links }
      recent.put(entry)
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
