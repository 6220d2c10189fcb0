import type { Clock } from '@baton/core'

/** A clock that jumps: whoever sleeps wakes at once, and meanwhile so much time has passed. For one sleeper at a time. */
export interface VirtualClock extends Clock {
  /** Has something happen as soon as the clock has come so far. */
  at(ms: number, act: () => void): void
}

export function createVirtualClock(): VirtualClock {
  let now = 0
  let due: { readonly ms: number; readonly act: () => void }[] = []
  return {
    now: () => now,
    at(ms, act) {
      due.push({ ms, act })
    },
    async sleep(ms, signal) {
      signal.throwIfAborted()
      now += ms
      const happening = due.filter((each) => each.ms <= now)
      due = due.filter((each) => each.ms > now)
      for (const { act } of happening) act()
      // Room for whoever is told by what happened.
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
    },
  }
}
