/** A moment at which something has taken too long. Whoever owns it moves `at` by assignment: no timer is started or cleared. */
export interface Deadline {
  /** On the clock of `now()`; Infinity for none. */
  at: number
  expire(): void
}

export interface Deadlines {
  add(deadline: Deadline): void
  delete(deadline: Deadline): void
}

/** How far behind a deadline is noticed at most. */
const SWEEP_MS = 100

/** Milliseconds on a clock that never goes back. */
export function now(): number {
  return performance.now()
}

/** One timer for all deadlines; it runs only while there are any. */
export function createDeadlines(): Deadlines {
  const all = new Set<Deadline>()
  let timer: NodeJS.Timeout | undefined

  function sweep(): void {
    const time = now()
    for (const deadline of all) {
      if (deadline.at <= time) {
        deadline.at = Number.POSITIVE_INFINITY
        deadline.expire()
      }
    }
  }

  return {
    add(deadline) {
      all.add(deadline)
      timer ??= setInterval(sweep, SWEEP_MS).unref()
    },
    delete(deadline) {
      all.delete(deadline)
      if (all.size === 0) {
        clearInterval(timer)
        timer = undefined
      }
    },
  }
}
