import type { ProbeResult } from '@baton/core'

export interface Attempt {
  /** Lets go of everything the attempt holds; called once it is over. */
  stop(): void
  /** The time is over: settle with what was seen. */
  late(): void
}

/** Runs one attempt to its result. It ends in any case: at the time-out, or with the signal's reason when that aborts. */
export async function attempt(
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
  start: (settle: (result: ProbeResult) => void) => Attempt,
): Promise<ProbeResult> {
  const { timeoutMs, signal } = limits
  signal.throwIfAborted()
  let end = () => {}
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      const running = start(resolve)
      const timer = setTimeout(running.late, timeoutMs)
      const onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort)
      end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        running.stop()
      }
    })
  } finally {
    end()
  }
}

export function spellMs(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Number((ms / 1000).toFixed(1))} s`
}
