import { mkdirSync, realpathSync } from 'node:fs'
import type { RootDatabase } from 'lmdb'

export type LmdbDatabase = RootDatabase<Buffer, string>

export interface LmdbHold {
  /** Rejects if it cannot be opened. */
  readonly database: Promise<LmdbDatabase>
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
      (database) => database.close(),
      () => {},
    )
    closing.set(folder, closed)
    await closed
    if (closing.get(folder) === closed) closing.delete(folder)
  }
}

const holds = new Map<string, { readonly database: Promise<LmdbDatabase>; holders: number }>()
const closing = new Map<string, Promise<void>>()

/** The package is loaded only by who keeps sessions in it. */
async function openAfter(closed: Promise<void> | undefined, path: string): Promise<LmdbDatabase> {
  await closed
  const lmdb = await import('lmdb')
  return lmdb.open({ path, encoding: 'binary', cache: false, noSubdir: false })
}
