import type { StoreHealth } from '../stores/store.ts'
import { type Histogram, type HistogramSnapshot, makeHistogram } from './histogram.ts'

/** What a store is asked. */
export const operations = [
  ...(['load', 'create', 'commit', 'update', 'rotate', 'destroy', 'touch'] as const),
  ...(['destroyAllOf', 'lock', 'unlock', 'count', 'list'] as const),
] as const
export type Operation = (typeof operations)[number]

/**
 * How it went. `dead`: the session had ended or never was; for `load`, nothing was there. `conflict`: somebody else wrote
 * first, or has the lock. `unavailable`: the store failed or did not answer in time. `error`: anything else.
 */
export const outcomes = ['ok', 'dead', 'conflict', 'unavailable', 'error'] as const
export type Outcome = (typeof outcomes)[number]

/** Since the start of this process. Holds no id, key or name of anybody. */
export interface MetricsSnapshot {
  readonly operations: Readonly<Record<Operation, OperationSnapshot>>
  /** Writes that came after their session had ended, and were dropped. */
  readonly droppedWrites: number
  readonly store: {
    readonly up: boolean
    /** Since it is so. */
    readonly sinceMs: number
    /** How often it went away. */
    readonly outages: number
  }
  /** Only with the near cache. */
  readonly cache?: CacheSnapshot
}

export interface OperationSnapshot {
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** Of all outcomes. */
  readonly latency: HistogramSnapshot
}

/** What the near cache counts; `entries` and `bytes` are of now. */
export interface CacheSnapshot {
  readonly hits: number
  readonly misses: number
  /** Misses though there was an entry: too old, older than the client's last commit, or read over a lost connection. */
  readonly stale: number
  /** Entries dropped because somebody else wrote. */
  readonly invalidated: number
  readonly evicted: number
  readonly entries: number
  readonly bytes: number
}

/** What an app sees. */
export interface SessionMetrics {
  snapshot(): MetricsSnapshot
  /**
   * Tells each operation on the store as it ends, for histograms that take single values, such as OpenTelemetry's. Gives
   * the end of that. What `listener` throws is ignored.
   */
  observe(listener: OperationListener): () => void
}

export type OperationListener = (operation: Operation, outcome: Outcome, seconds: number) => void

/** What the library reports to. */
export interface Meter extends SessionMetrics {
  operation(operation: Operation, outcome: Outcome, seconds: number): void
  dropped(): void
  /** The store went away. */
  outage(): void
  /** Where to ask for what others count. */
  attach(sources: MeterSources): void
}

export interface MeterSources {
  readonly health?: () => StoreHealth
  readonly cache?: () => CacheSnapshot
}

interface Tally {
  readonly outcomes: Record<Outcome, number>
  readonly latency: Histogram
}

export function makeMeter(): Meter {
  const tallies = Object.fromEntries(operations.map((name) => [name, makeTally()])) as Record<Operation, Tally>
  const listeners = new Set<OperationListener>()
  let sources: MeterSources = {}
  let droppedWrites = 0
  let outages = 0

  return {
    operation(operation, outcome, seconds) {
      const tally = tallies[operation]
      tally.outcomes[outcome] += 1
      tally.latency.observe(seconds)
      if (listeners.size > 0) tell(operation, outcome, seconds)
    },

    dropped() {
      droppedWrites += 1
    },

    outage() {
      outages += 1
    },

    attach(more) {
      sources = { ...sources, ...more }
    },

    observe(listener) {
      // Of its own, so that the same function may listen twice and each end is its own.
      const own: OperationListener = (operation, outcome, seconds) => listener(operation, outcome, seconds)
      listeners.add(own)
      return () => void listeners.delete(own)
    },

    snapshot() {
      const health = sources.health?.() ?? { state: 'up', sinceMs: 0 }
      return {
        operations: Object.fromEntries(
          operations.map((name) => {
            const { outcomes, latency } = tallies[name]
            return [name, { outcomes: { ...outcomes }, latency: latency.snapshot() }]
          }),
        ) as Record<Operation, OperationSnapshot>,
        droppedWrites,
        store: { up: health.state === 'up', sinceMs: health.sinceMs, outages },
        ...(sources.cache === undefined ? {} : { cache: { ...sources.cache() } }),
      }
    },
  }

  function tell(operation: Operation, outcome: Outcome, seconds: number): void {
    for (const listener of listeners) {
      try {
        listener(operation, outcome, seconds)
      } catch {
        // A broken exporter must break no request.
      }
    }
  }
}

function makeTally(): Tally {
  return { outcomes: { ok: 0, dead: 0, conflict: 0, unavailable: 0, error: 0 }, latency: makeHistogram() }
}
