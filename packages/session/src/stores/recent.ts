/** What is kept in memory for as long as there is room. */
export interface Kept {
  readonly key: string
  /** About what it takes in memory. */
  bytes: number
  older: this | undefined
  newer: this | undefined
}

export interface Room {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Entries bounded in number and bytes; what was used longest ago goes first. No call costs more than the entries it removes. */
export interface Recent<E extends Kept> {
  get(key: string): E | undefined
  /** To be told of each use. */
  used(entry: E): void
  /** Replaces what has its key. What is over the bounds all by itself is not kept. */
  put(entry: E): void
  remove(key: string): boolean
  /** The entry takes more than it did. false: there is no room, or it has gone while a request still held it. */
  grow(entry: E, bytes: number): boolean
  clear(): void
  size(): number
  bytes(): number
  evicted(): number
}

export function makeRecent<E extends Kept>({ maxEntries, maxBytes }: Room): Recent<E> {
  let entries = new Map<string, E>()
  let newest: E | undefined
  let oldest: E | undefined
  let bytes = 0
  let evicted = 0

  return {
    get: (key) => entries.get(key),

    used(entry) {
      if (entry === newest) return
      unlink(entry)
      link(entry)
    },

    put(entry) {
      remove(entry.key)
      if (entry.bytes > maxBytes || maxEntries < 1) return
      entries.set(entry.key, entry)
      bytes += entry.bytes
      link(entry)
      evict()
    },

    remove,

    grow(entry, more) {
      if (entries.get(entry.key) !== entry || entry.bytes + more > maxBytes) return false
      entry.bytes += more
      bytes += more
      evict()
      return true
    },

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

  function evict(): void {
    while (oldest !== undefined && (entries.size > maxEntries || bytes > maxBytes)) {
      remove(oldest.key)
      evicted += 1
    }
  }

  function link(entry: E): void {
    entry.older = newest
    entry.newer = undefined
    if (newest !== undefined) newest.newer = entry
    newest = entry
    oldest ??= entry
  }

  function unlink(entry: E): void {
    if (entry.older === undefined) oldest = entry.newer
    else entry.older.newer = entry.newer
    if (entry.newer === undefined) newest = entry.older
    else entry.newer.older = entry.older
  }
}
