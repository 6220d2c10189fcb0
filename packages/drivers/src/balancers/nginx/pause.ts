import { setTimeout as sleep } from 'node:timers/promises'

/** Fails with the signal's own reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
  signal.throwIfAborted()
}
