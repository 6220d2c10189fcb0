import type { StoreHealth } from './stores/store.ts'

export interface Readiness {
  /** What a balancer's check is to be told: 200 or 503. */
  readonly ready: boolean
  readonly store: StoreHealth
}

/**
 * Whether this process should get requests. A store that all nodes share is away for all of them at once, so its absence
 * must not take them all out of the balancer, where nobody would be told anything: once the store has been reached, a
 * process stays ready. One that has just started waits for the store, but no longer than `graceMs`.
 */
export function makeReadiness(health: () => StoreHealth, graceMs = 5_000): () => Readiness {
  const startedAt = performance.now()
  let wasReady = false
  return () => {
    const store = health()
    wasReady ||= store.state === 'up' || performance.now() - startedAt >= graceMs
    return { ready: wasReady, store }
  }
}
