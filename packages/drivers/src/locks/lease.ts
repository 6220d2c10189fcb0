import { BatonError, type Clock, type LockLease } from '@baton/core'
import type { LockFiles, LockRecord } from './lock-files.ts'
import { momentOf, remainingMs } from './validity.ts'

/** Holds the lock that `record` took: renews it at every heartbeat until it is released or lost. */
export function keepLease(lease: {
  readonly files: LockFiles
  readonly record: LockRecord
  readonly heartbeatMs: number
  readonly clock: Pick<Clock, 'now'>
}): LockLease {
  const { files, heartbeatMs, clock } = lease
  const { token, purpose } = lease.record
  const lost = new AbortController()
  let record = lease.record
  let releasing: Promise<void> | undefined
  let beating: Promise<void> = Promise.resolve()
  let timer = setTimeout(beat, heartbeatMs).unref()

  function beat(): void {
    beating = renew().then(() => {
      if (releasing === undefined && !lost.signal.aborted) timer = setTimeout(beat, heartbeatMs).unref()
    })
  }

  async function renew(): Promise<void> {
    try {
      await assertNewest()
      const now = momentOf(clock)
      await write({
        ...record,
        renewedAt: new Date(now.timeMs).toISOString(),
        expiresAt: new Date(now.timeMs + record.leaseMs).toISOString(),
        uptimeMs: now.uptimeMs,
      })
    } catch (error) {
      // A full disk may have room again at the next heartbeat; once the lease has run out another may hold the lock.
      if (remainingMs(record, momentOf(clock)) <= 0) lose('it could not be renewed in time', error)
    }
  }

  async function write(next: LockRecord): Promise<void> {
    await files.replace(next)
    record = next
  }

  async function assertNewest(): Promise<void> {
    lost.signal.throwIfAborted()
    const highest = await files.highest()
    if (highest < token) throw lose('its file was removed')
    if (highest > token) throw lose(await takenBy(highest))
  }

  async function takenBy(highest: number): Promise<string> {
    const holder = await files.read(highest).catch(() => null)
    const who = holder === null ? '' : `, ${holder.purpose} of ${holder.owner}, pid ${holder.pid},`
    return `token ${highest}${who} has taken over`
  }

  function lose(why: string, cause?: unknown): BatonError {
    const error = new BatonError('lock-lost', `the lock of ${purpose} (token ${token}) is lost: ${why}`, {
      hint: 'see what is going on with baton status, then go on with baton resume',
      cause,
    })
    clearTimeout(timer)
    lost.abort(error)
    return error
  }

  async function release(): Promise<void> {
    clearTimeout(timer)
    await beating
    if (lost.signal.aborted || (await files.highest()) !== token) return
    await write({ ...record, released: true })
  }

  return {
    token,
    lost: lost.signal,
    async assertHeld() {
      if (releasing !== undefined) throw new BatonError('lock-lost', `the lock of ${purpose} was released`)
      await assertNewest()
    },
    release() {
      releasing ??= release()
      return releasing
    },
  }
}
