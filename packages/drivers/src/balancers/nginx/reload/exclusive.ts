import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { createFileLock } from '../../../locks/file-lock.ts'
import { pause } from '../pause.ts'

/** Does the work while nobody else, in any process, changes the same state; waits for its turn until the signal aborts. */
export async function exclusively<T>(stateDir: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const lock = createFileLock({ dir: join(stateDir, 'lock') })
  for (;;) {
    signal.throwIfAborted()
    const lease = await lock.acquire('a change of nginx').catch((error: unknown) => {
      if (error instanceof BatonError && error.code === 'lock-held') return null
      throw error
    })
    if (lease === null) {
      await pause(pollMs, signal)
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
