import { expiryOf, numberOf, packNumber } from './local-record.ts'
import type { Shelf } from './local-shelf.ts'
import { tombstoneTtlMs } from './store.ts'

/** Which sessions a user has, and how often they were logged out everywhere. To be changed within a write only. */
export interface Owners {
  /** Lists a session, or prolongs its entry; to be called whenever the session's own life is prolonged by much. */
  list(owner: string, key: string, ttlMs: number): void
  unlist(owner: string, key: string): void
  /** Keys of sessions, in their order; some may be dead. */
  sessionsOf(owner: string, page?: { readonly after: string; readonly limit: number }): string[]
  epoch(owner: string): number
  raiseEpoch(owner: string): void
}

/**
 * `<namespace>:u:<owner>:<session>` holds when the session expires, as far as the list knows: it is told only now and
 * then, so an entry stays for one ttl more. `<namespace>:e:<owner>` holds the epoch, for as long as any entry stays.
 */
export function ownersOn(shelf: Shelf, namespace: string): Owners {
  const entry = (owner: string, key: string) => `${namespace}:u:${owner}:${key}`
  const epochName = (owner: string) => `${namespace}:e:${owner}`

  return {
    list(owner, key, ttlMs) {
      const now = Date.now()
      shelf.put(entry(owner, key), packNumber(now + ttlMs, now + 2 * ttlMs))
      const epoch = epochOf(owner)
      if (epoch > 0) keepEpoch(owner, epoch, now + 2 * ttlMs)
    },

    unlist(owner, key) {
      shelf.remove(entry(owner, key))
    },

    sessionsOf(owner, { after, limit } = { after: '', limit: Number.MAX_SAFE_INTEGER }) {
      const keys: string[] = []
      // `;` comes right after `:`.
      for (const { key } of shelf.range(entry(owner, after), `${namespace}:u:${owner};`, limit)) {
        keys.push(key.slice(entry(owner, '').length))
      }
      return keys
    },

    epoch: epochOf,

    raiseEpoch(owner) {
      keepEpoch(owner, epochOf(owner) + 1, Date.now() + tombstoneTtlMs)
    },
  }

  function epochOf(owner: string): number {
    const bytes = shelf.get(epochName(owner))
    return bytes === undefined || expiryOf(bytes) <= Date.now() ? 0 : numberOf(bytes)
  }

  /** Never shorter than it was going to be kept. */
  function keepEpoch(owner: string, epoch: number, untilMs: number): void {
    const before = shelf.get(epochName(owner))
    shelf.put(epochName(owner), packNumber(epoch, Math.max(untilMs, before === undefined ? 0 : expiryOf(before))))
  }
}
