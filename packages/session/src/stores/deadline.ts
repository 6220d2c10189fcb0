import { SessionError } from '../errors.ts'

/** Rejects with `session-unavailable` after `ms`; what was begun may still happen in the store. */
export function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // Where this process was too busy to look, the answer may be waiting: sockets are read before immediates run.
      setImmediate(() => reject(unavailable(`the session store did not ${what} within ${ms} ms`)))
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

/** Deadlines that are all equally far away, so that the first to be added is the first to expire: one timer does for all. */
export interface Deadlines {
  add(entry: Expiring): void
  /** To be called after an entry has settled: what is settled is let go of. */
  trim(): void
  close(): void
}

export function makeDeadlines(budgetMs: number): Deadlines {
  let first: Expiring | undefined
  let last: Expiring | undefined
  let timer: NodeJS.Timeout | undefined

  return {
    add(entry) {
      entry.expiresAt = performance.now() + budgetMs
      if (last === undefined) first = entry
      else last.later = entry
      last = entry
      timer ??= setTimeout(look, budgetMs)
    },

    trim() {
      while (first?.isSettled) first = first.later
      if (first === undefined) last = undefined
    },

    close() {
      clearTimeout(timer)
    },
  }

  function look(): void {
    // As above: what has come while this process was busy is read first.
    setImmediate(() => {
      const now = performance.now()
      while (first !== undefined && (first.isSettled || first.expiresAt <= now)) {
        const entry = first
        first = entry.later
        if (first === undefined) last = undefined
        if (!entry.isSettled) entry.expire()
      }
      timer = first === undefined ? undefined : setTimeout(look, Math.max(1, first.expiresAt - performance.now()))
    })
  }
}
