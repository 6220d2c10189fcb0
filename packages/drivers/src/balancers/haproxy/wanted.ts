import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { syncPath, writeNew } from '../../durable.ts'
import type { ProcessIdentity } from '../../shells/local/identity.ts'

/** What Baton wants of HAProxy: HAProxy has no tokens, and forgets the rest when it is reloaded. */
export interface Wanted {
  /** Counts the changes. */
  readonly version: number
  /** The newest lock token seen. */
  readonly token: number
  /** Of HAProxy, when all of this had been applied; null before. */
  readonly generation: string | null
  readonly nodes: Readonly<Record<string, WantedNode>>
  /** The processes of HAProxy that were seen, as long as they live. */
  readonly processes: readonly ProcessIdentity[]
}

export interface WantedNode {
  readonly admin: 'in' | 'out'
  /** null: as it is. */
  readonly weight: number | null
  /** Written down, but perhaps not yet applied. */
  readonly isPending: boolean
}

/**
 * The newest of a folder's files `<version>.json`. Each appears whole and is never changed: link(2) lets only one of
 * several writers have a version, so nobody overwrites what it has not read. No lock is held that a killed or halted
 * process could keep.
 */
export interface WantedFiles {
  read(): Promise<Wanted>
  /** False where another process was faster: read again. */
  replace(read: Wanted, next: Omit<Wanted, 'version'>): Promise<boolean>
  /** Without waiting, so that nothing comes between the question and what follows. */
  isNewest(read: Wanted): boolean
}

export function createWantedFiles(dir: string): WantedFiles {
  const pathOf = (version: number) => join(dir, `${version}.json`)

  async function versions(): Promise<number[]> {
    const names = await readdir(dir).catch(emptyIfMissing)
    return names.flatMap((name) => (/^[1-9]\d{0,14}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []))
  }

  async function prune(newest: number): Promise<void> {
    for (const version of await versions()) if (version < newest) await rm(pathOf(version), { force: true })
  }

  return {
    async read() {
      for (;;) {
        const version = Math.max(0, ...(await versions()))
        if (version === 0) return { version: 0, token: 0, generation: null, nodes: {}, processes: [] }
        const text = await readFile(pathOf(version), 'utf8').catch(nullIfMissing)
        // A newer one has taken its place meanwhile.
        if (text !== null) return parse(text, { path: pathOf(version), version })
      }
    },

    async replace(read, next) {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const version = read.version + 1
      const draft = join(dir, `.draft-${process.pid}-${randomBytes(6).toString('hex')}`)
      try {
        await writeNew(draft, `${JSON.stringify({ ...next, version }, null, 2)}\n`)
        await link(draft, pathOf(version))
      } catch (error) {
        if (isCode(error, 'EEXIST')) return false
        throw explain(error, dir)
      } finally {
        await rm(draft, { force: true })
      }
      await syncPath(dir)
      // Where this version had been there and was removed again, newer ones stand.
      if (Math.max(...(await versions())) > version) {
        await rm(pathOf(version), { force: true })
        return false
      }
      await prune(version)
      return true
    },

    isNewest({ version }) {
      return (version === 0 || existsSync(pathOf(version))) && !existsSync(pathOf(version + 1))
    },
  }
}

function parse(text: string, { path, version }: { readonly path: string; readonly version: number }): Wanted {
  try {
    const found = JSON.parse(text) as Wanted
    if (found.version === version && Number.isSafeInteger(found.token) && typeof found.nodes === 'object') return found
  } catch {
    // Said below, as for everything else that is no state.
  }
  throw new BatonError('haproxy-state-damaged', `${path} is damaged: what Baton wanted of HAProxy cannot be known`, {
    hint: `see in \`baton status\` that all nodes are as they should be, then remove it: rm ${path}`,
  })
}

function explain(error: unknown, dir: string): unknown {
  if (!isCode(error, 'EACCES') && !isCode(error, 'EPERM') && !isCode(error, 'EROFS')) return error
  return new BatonError(
    'haproxy-state-forbidden',
    `${dir} cannot be written: what a deploy changes would be forgotten`,
    {
      hint: `run baton as the user who owns ${dir}`,
      cause: error,
    },
  )
}

function emptyIfMissing(error: unknown): string[] {
  if (isCode(error, 'ENOENT')) return []
  throw error
}

function nullIfMissing(error: unknown): null {
  if (isCode(error, 'ENOENT')) return null
  throw error
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code
}
