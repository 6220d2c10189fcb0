import type { Clock } from '@baton/core'
import type { LockRecord } from './lock-files.ts'
import { type Place, thisPlace } from './processes.ts'

/** A moment on two clocks: the time of day, which may jump, and the time since this host was started, which may not. */
export interface Moment {
  readonly timeMs: number
  readonly uptimeMs: number
  readonly place: Place
}

export function momentOf(clock: Pick<Clock, 'now'>): Moment {
  return { timeMs: clock.now(), uptimeMs: Number(process.hrtime.bigint() / 1_000_000n), place: thisPlace() }
}

/**
 * What is left of a lease, at most 0 when it has run out. Since the same start of the same host its uptime counts, so
 * that a clock set forward or back changes nothing. Otherwise the time of day does, in both directions: a lease from
 * further ahead than it is long was not renewed by anyone whose clock can be trusted, and must not hold forever.
 */
export function remainingMs(record: LockRecord, now: Moment): number {
  const sameStart = record.place.boot !== null && record.place.boot === now.place.boot
  const agedMs = sameStart ? now.uptimeMs - record.uptimeMs : Math.abs(now.timeMs - Date.parse(record.renewedAt))
  return record.leaseMs - agedMs
}
