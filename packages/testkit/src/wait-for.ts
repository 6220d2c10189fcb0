import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'

export interface WaitOptions {
  /** What is waited for, as it stands in the error. */
  readonly what: string
  readonly timeoutMs?: number
  readonly intervalMs?: number
}

/**
 * Asks until the answer is neither false, null nor undefined, and resolves to it. An error of `condition` counts as "not
 * yet" and is told if the time runs out: `wait-timeout`.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 10_000, intervalMs = 20 }: WaitOptions,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs
  let lastError: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value !== false && value !== null && value !== undefined) {
        return value as Exclude<T, false | null | undefined>
      }
    } catch (error) {
      lastError = error
    }
    if (performance.now() >= deadline) {
      const why = lastError instanceof Error ? ` (${lastError.message})` : ''
      throw new BatonError('wait-timeout', `waited ${timeoutMs} ms in vain: ${what}${why}`, { cause: lastError })
    }
    await sleep(intervalMs)
  }
}
