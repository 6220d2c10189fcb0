import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'

/** What one try has come to: an answer, or why another is due. */
export type Attempt<T> = { readonly answer: T } | { readonly failure: unknown }

export interface Patience {
  readonly signal: AbortSignal
  /** Names who could not be reached, and why: `reasonOf` and `isForbidden` tell. */
  readonly unreachable: (cause: unknown) => BatonError
}

/**
 * Tries until there is an answer: what cannot be reached may be restarting. Fails with what `unreachable` makes of the last
 * failure once the signal has aborted, and at once where the socket belongs to somebody else. A BatonError that a try
 * throws is final.
 */
export async function untilAnswered<T>(
  attempt: () => Promise<Attempt<T>>,
  { signal, unreachable }: Patience,
): Promise<T> {
  signal.throwIfAborted()
  let failure: unknown
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      const result = await attempt()
      if ('answer' in result) return result.answer
      failure = result.failure
    } catch (error) {
      if (error instanceof BatonError) throw error
      // No wait will mend a socket that is not ours to use.
      if (isForbidden(error)) throw unreachable(error)
      if (!signal.aborted) failure = error
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {})
    if (!signal.aborted) continue
    // Where nothing has failed, the caller gave up on one that was about to answer: no word on that one.
    if (failure === undefined && !isTimeout(signal.reason)) throw signal.reason
    throw unreachable(failure)
  }
}

export function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(codeOf(error))
}

/** Why a unix socket could not be reached, in words; `undefined` is silence. */
export function reasonOf(cause: unknown): string {
  return REASONS[codeOf(cause)] ?? messageOf(cause)
}

const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 500

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nothing listens there',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : ''
}

function messageOf(error: unknown): string {
  if (error === undefined) return 'it does not answer in time'
  return error instanceof Error ? error.message : String(error)
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
}
