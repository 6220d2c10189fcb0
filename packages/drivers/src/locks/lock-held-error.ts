import { BatonError, type LockHolder } from '@baton/core'

/** `lock-held`: someone else holds the lock, and says who. */
export class LockHeldError extends BatonError {
  readonly holder: LockHolder

  constructor(holder: LockHolder, times: { readonly heldMs: number; readonly leftMs: number }) {
    const { owner, host, pid, purpose } = holder
    const lease = `its lease ends in ${spell(times.leftMs)} (at ${holder.expiresAt}) unless it is renewed`
    super(
      'lock-held',
      `${purpose}, by ${owner}, pid ${pid} on ${host}, has held the lock for ${spell(times.heldMs)}; ${lease}`,
      {
        hint: `wait until it is done, or end it on ${host}: kill ${pid}`,
      },
    )
    this.holder = holder
  }
}

function spell(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
