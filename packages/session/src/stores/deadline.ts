import { SessionError } from '../errors.ts'

/** A timer that comes later than this was held up by this process itself, and so was whatever else it had to do. */
const heldUpMs = 5

/**
 * Rejects with `session-unavailable` after `ms`; what was begun may still happen in the store. Time in which this process was
 * too busy to look does not count, up to `ms`.
 */
export function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const dueAt = performance.now() + ms
    const expire = () => reject(unavailable(`the session store did not ${what} within ${ms} ms`))
    // What came while this process was too busy may be waiting: sockets are read before immediates run.
    const lookLast = () => void setImmediate(expire)
    let timer = setTimeout(() => {
      const lateMs = performance.now() - dueAt
      if (lateMs > heldUpMs) timer = setTimeout(lookLast, Math.min(lateMs, ms))
      else lookLast()
    }, ms)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (cause: unknown) => {
        clearTimeout(timer)
        reject(cause instanceof SessionError ? cause : failed(`failed to ${what}`, cause))
      },
    )
  })
}

export function unavailable(message: string, cause?: unknown): SessionError {
  return new SessionError('session-unavailable', `${message}; see that it runs and can be reached`, { cause })
}

export function failed(what: string, cause: unknown): SessionError {
  return unavailable(`the session store ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
}

/** What has a deadline, and settles before it or expires at it. Kept in a list of its kind through `later`. */
export interface Expiring {
  isSettled: boolean
  expiresAt: number
  later: Expiring | undefined
  expire(): void
}

/**
 * Deadlines that are all equally far away, so that the first to be added is the first to expire: one timer does for all. They
 * are reckoned by a clock that stands while this process is too busy for its sockets: a budget is the store's.
 */
export interface Deadlines {
  add(entry: Expiring): void
  /** To be called after an entry has settled: what is settled is let go of. */
  trim(): void
  close(): void
}

/** How often it is looked how late timers come, while anything has a deadline. */
const lookEveryMs = 25

export function makeDeadlines(budgetMs: number): Deadlines {
  let first: Expiring | undefined
  let last: Expiring | undefined
  let timer: NodeJS.Timeout | undefined
  let dueAt = 0
  /** For how long the clock has stood. */
  let busyMs = 0

  return {
    add(entry) {
      entry.expiresAt = clock() + budgetMs
      if (last === undefined) first = entry
      else last.later = entry
      last = entry
      if (timer === undefined) wait()
    },

    trim() {
      while (first?.isSettled) first = first.later
      if (first === undefined) last = undefined
    },

    close() {
      clearTimeout(timer)
    },
  }

  function wait(): void {
    const leftMs = first === undefined ? budgetMs : first.expiresAt - clock()
    const pauseMs = Math.max(1, Math.min(lookEveryMs, leftMs))
    dueAt = performance.now() + pauseMs
    timer = setTimeout(look, pauseMs)
  }

  function look(): void {
    stand()
    const by = clock()
    // What has come by now is read before immediates run.
    setImmediate(() => {
      stand()
      while (first !== undefined && (first.isSettled || first.expiresAt <= by)) {
        const entry = first
        first = entry.later
        if (first === undefined) last = undefined
        if (!entry.isSettled) entry.expire()
      }
      timer = undefined
      if (first !== undefined) wait()
    })
  }

  function clock(): number {
    const now = performance.now()
    return (timer === undefined || now - dueAt <= heldUpMs ? now : dueAt) - busyMs
  }

  /** From when it was due until now, if that is long, the clock has stood. */
  function stand(): void {
    const now = performance.now()
    if (now - dueAt > heldUpMs) busyMs += now - dueAt
    dueAt = now
  }
}
