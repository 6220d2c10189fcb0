import { mkdirSync } from 'node:fs'
import type { RootDatabase } from 'lmdb'
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
}

/**
 * Sessions in LMDB. A write resolves once its transaction is committed, visible to every process and in the operating
 * system's hands: it survives a kill -9 of all of them. The disk is written right behind, so a power cut may take the
 * last moments, and never the consistency, of the store.
 */
export function lmdbStore({ path, ...options }: LmdbOptions): SessionStore {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return localStore({ shelf: lmdbShelf(path), ...options })
}

type Database = RootDatabase<Buffer, string>

function lmdbShelf(path: string): Shelf {
  let db: Database
  const opened = open(path).then((database) => {
    db = database
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
    get: (name) => db.get(name),

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

    close: () => opened.then(() => db.close()),
  }
}

/** Loaded only by who keeps sessions in it. */
async function open(path: string): Promise<Database> {
  const lmdb = await import('lmdb')
  return lmdb.open({ path, encoding: 'binary', cache: false, noSubdir: false })
}
