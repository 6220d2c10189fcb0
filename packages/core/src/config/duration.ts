import { mistake, type Reading, show } from './reading.ts'

const msOf = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** Longer waits are taken for a slip of the pen; timers overflow after 24 days. */
const longestMs = 24 * msOf.h

export const durationPattern = '^[0-9]+(ms|s|m|h)$'

/** Reads `250ms`, `30s`, `5m` or `1h` as milliseconds. */
export function readDuration(raw: unknown, { leastMs }: { leastMs: number }): Reading<number> {
  if (typeof raw === 'number') {
    return mistake(`must be a duration with its unit, not ${raw}`, `write ${raw}s or ${raw}ms`)
  }
  const parts = typeof raw === 'string' ? /^(\d+)(ms|s|m|h)$/.exec(raw) : null
  if (!parts)
    return mistake(`must be a duration, not ${show(raw)}`, 'write a whole number and a unit: 250ms, 30s, 5m or 1h')
  const value = Number(parts[1]) * msOf[parts[2] as keyof typeof msOf]
  if (value < leastMs) return mistake(`is too short: ${raw}`, `write ${formatDuration(leastMs)} or more`)
  if (value > longestMs) return mistake(`is too long: ${raw}`, `write ${formatDuration(longestMs)} or less`)
  return { value }
}

/** The shortest way to write it: 90000 is `90s`, 120000 is `2m`. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms > 0 && ms % msOf[unit] === 0) return `${ms / msOf[unit]}${unit}`
  }
  return `${ms}ms`
}
