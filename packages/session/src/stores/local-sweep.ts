import { expiryOf } from './local-record.ts'
import type { Shelf } from './local-shelf.ts'

/** How many entries one step looks at: about a millisecond's work. */
const stepEntries = 1000

const walkEveryMs = 1_000

export interface Sweep {
  /** A step of an endless walk over everything, of any namespace, that removes what has expired. true: one walk is done. */
  step(): Promise<boolean>
  /** One whole walk; at most one a second, and one at a time. Rejects if it cannot be written. */
  walk(): Promise<void>
}

export function sweepOf(shelf: Shelf): Sweep {
  let after = ''
  let walk: Promise<void> | undefined
  let walkedAt = Number.NEGATIVE_INFINITY

  return {
    step,

    walk() {
      if (walk === undefined && performance.now() - walkedAt < walkEveryMs) return Promise.resolve()
      walk ??= wholeWalk().finally(() => {
        walk = undefined
        walkedAt = performance.now()
      })
      return walk
    },
  }

  async function wholeWalk(): Promise<void> {
    after = ''
    while (!(await step())) {
      // Requests have their turn between two steps.
      await new Promise(setImmediate)
    }
  }

  async function step(): Promise<boolean> {
    const now = Date.now()
    const expired: string[] = []
    let seen = 0
    let last = ''
    shelf.refresh()
    for (const { key, value } of shelf.range(after, '\uffff', stepEntries)) {
      seen += 1
      last = key
      if (expiryOf(value) <= now) expired.push(key)
    }
    const done = seen < stepEntries
    after = done ? '' : last
    if (expired.length > 0) {
      await shelf.write(() => {
        for (const key of expired) {
          const bytes = shelf.get(key)
          if (bytes !== undefined && expiryOf(bytes) <= now) shelf.remove(key)
        }
      })
    }
    return done
  }
}
