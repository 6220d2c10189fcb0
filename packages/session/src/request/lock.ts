import { setTimeout as sleep } from 'node:timers/promises'
import { SessionError } from '../errors.ts'
import { newId } from '../id.ts'
import type { Stored } from '../stores/store.ts'
import { commitChanges } from './commit.ts'
import { gone, type Hold, refuseIfAway } from './hold.ts'

export interface LockOptions {
  /** How long to wait for whoever has the lock. Default: the commit budget. */
  readonly waitMs?: number
  /** How long the lock is kept at most: longer than the route takes. Default 10,000. */
  readonly leaseMs?: number
}

/** Takes the session's lock, and brings the session up to date. What this request writes from then on is fenced. */
export async function lock(hold: Hold, { waitMs, leaseMs = 10_000 }: LockOptions = {}): Promise<void> {
  refuseIfAway(hold)
  await commitChanges(hold)
  // Nobody else can know a session that has no id yet.
  if (hold.life === 'none') return
  const { commitMs } = hold.context
  const holder = hold.lockHolder ?? newId()
  const until = performance.now() + (waitMs ?? commitMs)
  for (;;) {
    if (hold.life !== 'alive') throw gone('locked')
    const stored = await take(hold, holder, leaseMs)
    if (stored === undefined) {
      hold.life = 'dead'
    } else if (stored !== 'taken') {
      hold.lockHolder = holder
      hold.adopt(hold.key, stored.fields)
      return
    } else {
      const leftMs = until - performance.now()
      if (leftMs <= 0) {
        throw new SessionError(
          'session-locked',
          `another request has had the session's lock for longer than ${waitMs ?? commitMs} ms; try again`,
        )
      }
      await sleep(Math.min(leftMs, 5 + Math.random() * 20))
    }
  }
}

/** Gives the lock back; nobody waits for it. */
export async function unlock(hold: Hold): Promise<void> {
  const { lockHolder, key, context } = hold
  if (lockHolder === undefined) return
  hold.lockHolder = undefined
  await context.store.unlock(key, lockHolder).catch(context.onError)
}

async function take(
  { key, context: { store } }: Hold,
  holder: string,
  leaseMs: number,
): Promise<Stored | 'taken' | undefined> {
  try {
    return await store.lock(key, holder, leaseMs)
  } catch (error) {
    // It may have been taken all the same.
    store.unlock(key, holder).catch(() => {})
    throw error
  }
}
