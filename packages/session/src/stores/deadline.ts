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
        const why = cause instanceof Error ? cause.message : String(cause)
        reject(
          cause instanceof SessionError ? cause : unavailable(`the session store failed to ${what}: ${why}`, cause),
        )
      },
    )
  })
}

export function unavailable(message: string, cause?: unknown): SessionError {
  return new SessionError('session-unavailable', `${message}; see that it runs and can be reached`, { cause })
}
