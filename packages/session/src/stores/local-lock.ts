import { SessionError } from '../errors.ts'
import type { Fields } from '../format/record.ts'

/** Who holds the lock of a session now: `@l` is `<holder>:<end of the lease, ms since 1970>`. */
export function holderOf(fields: Fields): string | undefined {
  const lock = fields.get('@l')?.toString()
  if (lock === undefined) return undefined
  const colon = lock.lastIndexOf(':')
  return Number(lock.slice(colon + 1)) > Date.now() ? lock.slice(0, colon) : undefined
}

export function lockOf(holder: string, leaseMs: number): Buffer {
  return Buffer.from(`${holder}:${Date.now() + leaseMs}`)
}

export function lostLock(): SessionError {
  return new SessionError(
    'session-conflict',
    'this request has lost the lock of its session, so nothing of it was stored: ask for a longer lease, or do less under it',
  )
}
