import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BatonError, type LockHolder } from '@baton/core'
import { syncPath, writeNew } from '../durable.ts'
import type { Place } from './processes.ts'

/** What a lock's file says. */
export interface LockRecord extends LockHolder {
  readonly leaseMs: number
  /** Of the last renewal, on the clock that counts from the start of the host. */
  readonly uptimeMs: number
  readonly place: Place
  /** When the holder's process was started; tells it from a later one of the same number. */
  readonly startTicks: string | null
  readonly released: boolean
}

/** The files of a lock. Each appears complete and is replaced whole: no reader ever sees half of one. */
export interface LockFiles {
  /** 0 where there is none. */
  highest(): Promise<number>
  /** null where there is none; fails with `lock-damaged`. */
  read(token: number): Promise<LockRecord | null>
  /** False where there is one already. */
  create(record: LockRecord): Promise<boolean>
  replace(record: LockRecord): Promise<void>
  /** Removes lower tokens, and what writers that were killed have left behind. */
  prune(tokens: { readonly below: number }): Promise<void>
}

export function createLockFiles(dir: string): LockFiles {
  const pathOf = (token: number) => join(dir, `${token}.json`)

  async function names(): Promise<string[]> {
    return readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
  }

  async function writeDraft(record: LockRecord): Promise<string> {
    const path = join(dir, `${DRAFT}${process.pid}-${randomBytes(6).toString('hex')}`)
    await writeNew(path, `${JSON.stringify(record, null, 2)}\n`)
    return path
  }

  return {
    async highest() {
      return Math.max(0, ...(await names()).map(tokenOf))
    },

    async read(token) {
      const path = pathOf(token)
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
      if (text === null) return null
      const record = parse(text)
      if (record?.token === token) return record
      throw new BatonError('lock-damaged', `the lock file ${path} is damaged: nobody can tell who holds the lock`, {
        hint: `make sure that no deploy is running (ps ax | grep baton), then remove it: rm ${path}`,
      })
    },

    async create(record) {
      const made = await mkdir(dir, { recursive: true, mode: 0o700 })
      if (made !== undefined) await syncPath(dirname(made))
      const draft = await writeDraft(record)
      try {
        await link(draft, pathOf(record.token))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
        throw error
      } finally {
        await rm(draft, { force: true })
      }
      await syncPath(dir)
      return true
    },

    async replace(record) {
      const draft = await writeDraft(record)
      try {
        await rename(draft, pathOf(record.token))
      } catch (error) {
        await rm(draft, { force: true })
        throw error
      }
    },

    async prune({ below }) {
      for (const name of await names()) {
        const outlived = tokenOf(name) > 0 ? tokenOf(name) < below : await isOldDraft(join(dir, name))
        if (outlived) await rm(join(dir, name), { force: true })
      }
    },
  }
}

const DRAFT = '.draft-'
const OLD_DRAFT_MS = 60_000

function tokenOf(name: string): number {
  return /^[1-9]\d{0,14}\.json$/.test(name) ? Number(name.slice(0, -'.json'.length)) : 0
}

async function isOldDraft(path: string): Promise<boolean> {
  if (!path.includes(`/${DRAFT}`)) return false
  const found = await stat(path).catch(() => null)
  return found !== null && Date.now() - found.mtimeMs > OLD_DRAFT_MS
}

function parse(text: string): LockRecord | null {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is LockRecord {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Partial<Record<keyof LockRecord, unknown>>
  const place = record.place as Partial<Record<keyof Place, unknown>> | null | undefined
  const { owner, host, purpose, since, renewedAt, expiresAt } = record
  return (
    [record.token, record.pid].every((number) => Number.isSafeInteger(number) && (number as number) > 0) &&
    [record.leaseMs, record.uptimeMs].every((number) => Number.isFinite(number)) &&
    [owner, host, purpose].every((text) => typeof text === 'string') &&
    [since, renewedAt, expiresAt].every((time) => typeof time === 'string' && !Number.isNaN(Date.parse(time))) &&
    typeof place === 'object' &&
    [place?.boot, place?.pidNamespace, record.startTicks].every((text) => text === null || typeof text === 'string') &&
    typeof record.released === 'boolean'
  )
}
