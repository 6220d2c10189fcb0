/**
 * An error that a person will read. `code` is stable and for programs, `message` says what is wrong and where, `hint`
 * the next thing to type or to look at, `log` the last lines of the app where they explain it.
 */
export class BatonError extends Error {
  override readonly name = 'BatonError'
  readonly code: string
  readonly hint: string | undefined
  readonly log: readonly string[] | undefined

  constructor(code: string, message: string, more: { hint?: string; log?: readonly string[]; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.hint = more.hint
    this.log = more.log
  }
}

/** An error as events carry it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly log?: readonly string[]
}

export function toFailure(error: unknown): Failure {
  if (error instanceof BatonError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.log === undefined || error.log.length === 0 ? {} : { log: error.log }),
    }
  }
  return { code: 'unexpected', message: error instanceof Error ? error.message : String(error) }
}
