import { SessionError } from '../errors.ts'
import type { Meter, Operation, Outcome } from '../metrics/meter.ts'
import type { SessionStore, Stored, Wanted } from './store.ts'

/**
 * The same store, each of its answers counted and timed. The store's own promises are handed on, so that a request waits
 * for nothing more. Belongs below a near cache: then it counts what the store was really asked.
 */
export function measured(inner: SessionStore, meter: Meter): SessionStore {
  let isAway = false
  meter.attach({ health: () => inner.health() })

  return {
    load: (key, want) => timed('load', now(), inner.load(key, want), isThere),
    ...(inner.peek === undefined ? {} : { peek }),
    create: (key, fields, ttlMs, owner) => timed('create', now(), inner.create(key, fields, ttlMs, owner), wasFree),
    commit: (key, change, ttlMs, options) => timed('commit', now(), inner.commit(key, change, ttlMs, options), isThere),
    update: (key, change, ttlMs) => timed('update', now(), inner.update(key, change, ttlMs), updateOutcome),
    destroy: (key, owner) => timed('destroy', now(), inner.destroy(key, owner), wasAlive),
    rotate: (rotation, ttlMs) => timed('rotate', now(), inner.rotate(rotation, ttlMs), movedOutcome),
    touch: (key, ttlMs, owner) => timed('touch', now(), inner.touch(key, ttlMs, owner), always),
    destroyAllOf: (owner, except) => timed('destroyAllOf', now(), inner.destroyAllOf(owner, except), always),
    lock: (key, holder, leaseMs) => timed('lock', now(), inner.lock(key, holder, leaseMs), lockOutcome),
    unlock: (key, holder) => timed('unlock', now(), inner.unlock(key, holder), always),
    count: () => timed('count', now(), inner.count(), always),
    list: (page) => timed('list', now(), inner.list(page), always),
    health: () => inner.health(),
    close: () => inner.close(),
  }

  /** What it does not have is asked of `load`, and counted there. */
  function peek(key: string, want?: Wanted): Stored | undefined {
    const startedAt = now()
    const stored = inner.peek?.(key, want)
    if (stored !== undefined) meter.operation('load', 'ok', (now() - startedAt) / 1000)
    return stored
  }

  /** Arguments are evaluated in order: `startedAt` is before the store is asked. */
  function timed<T>(
    operation: Operation,
    startedAt: number,
    answer: Promise<T>,
    outcomeOf: (value: T) => Outcome,
  ): Promise<T> {
    answer.then(
      (value) => {
        meter.operation(operation, outcomeOf(value), (now() - startedAt) / 1000)
        if (isAway) isAway = inner.health().state === 'down'
      },
      (error: unknown) => {
        const outcome = failureOf(error)
        meter.operation(operation, outcome, (now() - startedAt) / 1000)
        if (outcome !== 'unavailable' || isAway || inner.health().state === 'up') return
        isAway = true
        meter.outage()
      },
    )
    return answer
  }
}

function failureOf(error: unknown): Outcome {
  const code = error instanceof SessionError ? error.code : undefined
  if (code === 'session-unavailable') return 'unavailable'
  if (code === 'session-conflict' || code === 'session-locked') return 'conflict'
  return code === 'session-gone' ? 'dead' : 'error'
}

const now = (): number => performance.now()
const always = (): Outcome => 'ok'
const isThere = (answer: unknown): Outcome => (answer === undefined ? 'dead' : 'ok')
const wasFree = (free: boolean): Outcome => (free ? 'ok' : 'conflict')
const wasAlive = (alive: boolean): Outcome => (alive ? 'ok' : 'dead')
const updateOutcome = ({ outcome }: { outcome: 'done' | Outcome }): Outcome => (outcome === 'done' ? 'ok' : outcome)
const movedOutcome = (moved: unknown): Outcome => (moved === 'conflict' ? 'conflict' : isThere(moved))
const lockOutcome = (answer: unknown): Outcome => (answer === 'taken' ? 'conflict' : isThere(answer))
