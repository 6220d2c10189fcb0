import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '@baton/core'

/** The time of this host. */
export function createSystemClock(): Clock {
  return {
    now: Date.now,
    async sleep(ms, signal) {
      const until = performance.now() + ms
      for (let left = ms; left > 0; left = until - performance.now()) {
        // Node takes longer waits for none at all.
        await wait(Math.min(left, LONGEST_WAIT_MS), undefined, { signal }).catch((error: unknown) => {
          signal.throwIfAborted()
          throw error
        })
      }
      signal.throwIfAborted()
    },
  }
}

const LONGEST_WAIT_MS = 2 ** 31 - 1
