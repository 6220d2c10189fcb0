import { holdLmdb, type LmdbDatabase, type LmdbViews } from './lmdb-database.ts'
import { isFull } from './lmdb-room.ts'
import type { Shelf } from './local-shelf.ts'
import { localStore } from './local-store.ts'
import type { SessionStore, Timeouts } from './store.ts'

export interface LmdbOptions {
  /** A folder, made if it is missing. All processes of one host may share it; it must not be on a network drive. */
  readonly path: string
  readonly namespace: string
  readonly timeouts: Timeouts
  /** Between two steps of the sweep; each looks at up to 1,000 records. Default 10 s. */
  readonly sweepIntervalMs?: number
  /** How large the store may get on disk, about. Default: as large as the disk. */
  readonly maxBytes?: number
}

/**
 * Sessions in LMDB. A write resolves once its transaction is committed, visible to every process and in the operating
 * system's hands: it survives a kill -9 of all of them. The disk is written right behind, so a power cut may take the
 * last moments, and never the consistency, of the store.
 */
export function lmdbStore({ path, maxBytes, ...options }: LmdbOptions): SessionStore {
  return localStore({ shelf: lmdbShelf(path, maxBytes), ...options })
}

function lmdbShelf(path: string, maxBytes: number | undefined): Shelf {
  const hold = holdLmdb(path)
  let db: LmdbDatabase
  let views: LmdbViews
  const opened = hold.database.then((database) => {
    db = database.records
    views = database.views
    opening = undefined
  })
  let opening: Promise<void> | undefined = opened
  // Each call that waits for it says so itself.
  opened.catch(() => {})

  return {
    get opening() {
      return opening
    },

    refresh: () => db.resetReadTxn(),

    get(name) {
      const passing = db.getBinaryFast(name)
      if (passing === undefined) return undefined
      // The next read overwrites it; `get` would give a copy as well, in memory that is cleared first.
      const { length } = passing
      const bytes = Buffer.allocUnsafe(length)
      bytes.set(subarray.call(passing, 0, length))
      return bytes
    },

    view: (name) => views.get(name),

    range(after, before, limit) {
      return db.getRange({ ...(after === '' ? {} : { start: after, exclusiveStart: true }), end: before, limit })
    },

    write: (action) => db.transaction(action),

    put(name, bytes) {
      void db.put(name, bytes)
    },

    remove(name) {
      void db.remove(name)
    },

    isFull: () => maxBytes !== undefined && isFull(db, maxBytes),

    close: hold.release,
  }
}

/** Not the Buffer's own: what LMDB gives has its length overwritten. */
const { subarray } = Uint8Array.prototype
