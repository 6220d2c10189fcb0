import { hostname, userInfo } from 'node:os'
import type { Clock, Lock, LockHolder } from '@baton/core'
import { keepLease } from './lease.ts'
import { createLockFiles, type LockRecord } from './lock-files.ts'
import { LockHeldError } from './lock-held-error.ts'
import { isGone, sharesProcesses, startTicksOf } from './processes.ts'
import { type Moment, momentOf, remainingMs } from './validity.ts'

export interface FileLockOptions {
  /** Absolute path; made, readable by its owner alone, at the first acquire. */
  readonly dir: string
  readonly leaseMs?: number
  readonly heartbeatMs?: number
  /** The time of day, for what is written down for people and for other hosts. */
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * A lock as files: `<dir>/<token>.json`. The highest token is the lock; to take it is to create the next file, which
 * only one contender can, and only when the highest was released, its lease ran out, or its process is gone from this
 * very host. Files of former holders stay for a while, so that tokens only grow.
 *
 * `acquire` fails with a LockHeldError (`lock-held`), or with `lock-damaged` for a file that cannot be read.
 */
export function createFileLock(options: FileLockOptions): Lock {
  const { dir, leaseMs = 30_000, heartbeatMs = 5_000, clock = { now: Date.now } } = options
  const files = createLockFiles(dir)

  /** The record of the highest token; null before the first. */
  async function latest(): Promise<LockRecord | null> {
    for (;;) {
      const token = await files.highest()
      if (token === 0) return null
      const record = await files.read(token)
      // It may have been outlived and removed since it was listed: then there is a higher one.
      if (record !== null) return record
    }
  }

  async function acquire(purpose: string) {
    for (;;) {
      const last = await latest()
      const now = momentOf(clock)
      if (last !== null && (await holds(last, now))) throw new LockHeldError(holderOf(last), ages(last, now))
      const record = await recordOf({ token: (last?.token ?? 0) + 1, purpose, leaseMs, now })
      if (!(await files.create(record))) continue
      // Held up between look and create, this may have filled a gap far below the lock.
      if ((await files.highest()) !== record.token) continue
      await files.prune({ below: record.token - KEPT })
      return keepLease({ files, record, heartbeatMs, clock })
    }
  }

  return {
    acquire,
    async holder() {
      const last = await latest()
      return last !== null && (await holds(last, momentOf(clock))) ? holderOf(last) : null
    },
  }
}

/** Files of former holders that stay: who they were helps people, and no listing is quick enough to miss them all. */
const KEPT = 16

async function holds(record: LockRecord, now: Moment): Promise<boolean> {
  if (record.released || remainingMs(record, now) <= 0) return false
  return !(sharesProcesses(record.place, now.place) && (await isGone(record.pid, record.startTicks)))
}

async function recordOf(from: { token: number; purpose: string; leaseMs: number; now: Moment }): Promise<LockRecord> {
  const { token, purpose, leaseMs, now } = from
  const at = new Date(now.timeMs).toISOString()
  return {
    token,
    owner: `${userName()}@${hostname()}`,
    host: hostname(),
    pid: process.pid,
    purpose,
    since: at,
    renewedAt: at,
    expiresAt: new Date(now.timeMs + leaseMs).toISOString(),
    leaseMs,
    uptimeMs: now.uptimeMs,
    place: now.place,
    startTicks: await startTicksOf(process.pid),
    released: false,
  }
}

function holderOf(record: LockRecord): LockHolder {
  const { token, owner, host, pid, purpose, since, renewedAt, expiresAt } = record
  return { token, owner, host, pid, purpose, since, renewedAt, expiresAt }
}

function ages(record: LockRecord, now: Moment): { heldMs: number; leftMs: number } {
  return { heldMs: Math.max(0, now.timeMs - Date.parse(record.since)), leftMs: remainingMs(record, now) }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // Containers run under numbers that have no name.
    return String(process.getuid?.() ?? 'unknown')
  }
}
