import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
import { createFileLock } from './file-lock.ts'

export interface Turn {
  /** Absolute path of the lock's own folder; made where there is none. */
  readonly dir: string
  /** What is done, for those who look who holds the lock. */
  readonly purpose: string
  /** Rejects with its reason when it aborts before the turn has come. */
  readonly signal: AbortSignal
}

/** Does the work while nobody else, in any process, does any under the same lock. Waits for its turn, but for no process that is gone. */
export async function exclusively<T>({ dir, purpose, signal }: Turn, work: () => Promise<T>): Promise<T> {
  const lock = createFileLock({ dir })
  for (;;) {
    signal.throwIfAborted()
    const lease = await lock.acquire(purpose).catch((error: unknown) => {
      if (error instanceof BatonError && error.code === 'lock-held') return null
      throw error
    })
    if (lease === null) {
      await sleep(pollMs, undefined, { signal }).catch(() => {})
      continue
    }
    try {
      return await work()
    } finally {
      await lease.release()
    }
  }
}

const pollMs = 20
