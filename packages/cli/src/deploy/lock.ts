import { BatonError, type LockLease } from '@baton/core'
import type { Terminal } from '../terminal.ts'
import type { Wiring } from '../wiring.ts'

const retryMs = 500

/** Runs `work` under the lock, which is released whatever happens; waits for it up to `waitMs`. */
export async function underLock<T>(
  options: { readonly wiring: Wiring; readonly purpose: string; readonly waitMs: number; readonly terminal: Terminal },
  work: (lease: LockLease) => Promise<T>,
): Promise<T> {
  const lease = await acquire(options)
  try {
    return await work(lease)
  } finally {
    // A lock that was lost is somebody else's to release.
    if (!lease.lost.aborted) await lease.release()
  }
}

async function acquire(options: Parameters<typeof underLock>[0]): Promise<LockLease> {
  const { wiring, purpose, waitMs, terminal } = options
  const until = wiring.clock.now() + waitMs
  let told = false
  for (;;) {
    try {
      return await wiring.lock.acquire(purpose)
    } catch (error) {
      if (!(error instanceof BatonError) || error.code !== 'lock-held' || wiring.clock.now() >= until) throw error
      if (!told) terminal.err(`${error.message}; waiting`)
      told = true
      await wiring.clock.sleep(retryMs, new AbortController().signal)
    }
  }
}
