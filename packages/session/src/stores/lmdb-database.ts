import { mkdirSync, realpathSync } from 'node:fs'
import type { Database, RootDatabase } from 'lmdb'

export type LmdbDatabase = RootDatabase<Buffer, string>
export type LmdbViews = Pick<Database<Buffer, string>, 'get'>

interface Opened {
  readonly records: LmdbDatabase
  /**
   * The same records for who only reads: what was read before is given again, unless LMDB says that it may have changed
   * since. Of no use within a transaction, whose pages have no number yet that says so.
   */
  readonly views: LmdbViews
}

export interface LmdbHold {
  /** Rejects if it cannot be opened. */
  readonly database: Promise<Opened>
  /** Closes the database unless others in this process still hold it. */
  release(): Promise<void>
}

/**
 * One database for each folder in a process, shared by all who hold it: LMDB forbids a second one, and opening it waits
 * for the lock of a transaction that may itself be waiting for this very thread.
 */
export function holdLmdb(path: string): LmdbHold {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const folder = realpathSync(path)
  const held = holds.get(folder) ?? { database: openAfter(closing.get(folder), folder), holders: 0 }
  holds.set(folder, held)
  held.holders += 1
  let released: Promise<void> | undefined

  return {
    database: held.database,

    release() {
      released ??= letGo()
      return released
    },
  }

  async function letGo(): Promise<void> {
    held.holders -= 1
    if (held.holders > 0) return
    holds.delete(folder)
    const closed = held.database.then(
      ({ records }) => records.close(),
      () => {},
    )
    closing.set(folder, closed)
    await closed
    if (closing.get(folder) === closed) closing.delete(folder)
  }
}

const holds = new Map<string, { readonly database: Promise<Opened>; holders: number }>()
const closing = new Map<string, Promise<void>>()

/** As the library calls the database that is there without a name; its types do not know. */
const rootName = null as unknown as string

/** Held in any case; of others, for as long as somebody else holds them. */
const cachedViews = 256

/** The package is loaded only by who keeps sessions in it. */
async function openAfter(closed: Promise<void> | undefined, path: string): Promise<Opened> {
  await closed
  const lmdb = await import('lmdb')
  const records = lmdb.open<Buffer, string>({ path, encoding: 'binary', cache: false, noSubdir: false })
  const cache = { validated: true, cacheSize: cachedViews }
  return { records, views: records.openDB<Buffer, string>({ name: rootName, encoding: 'binary', cache }) }
}
