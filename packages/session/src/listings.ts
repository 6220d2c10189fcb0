/**
 * A user's list of sessions has to know when each of them ends, or log-out-everywhere would miss some. Every write prolongs
 * a session, and telling the list each time would double what a write costs: this remembers when this process told it last.
 */
export interface Listings {
  /** Whether more than 5 % of the interval have passed, as for a touch, or this process has never told the list. */
  isDue(key: string, maxInactiveMs: number): boolean
  renewed(key: string): void
}

/** Remembers up to twice `maxKeys`; what is forgotten is told once more. */
export function makeListings({ maxKeys = 10_000 } = {}): Listings {
  let recent = new Map<string, number>()
  let former = new Map<string, number>()

  return {
    isDue(key, maxInactiveMs) {
      const toldAt = recent.get(key) ?? former.get(key)
      return toldAt === undefined || performance.now() - toldAt > maxInactiveMs * 0.05
    },

    renewed(key) {
      if (recent.size >= maxKeys) {
        former = recent
        recent = new Map()
      }
      recent.set(key, performance.now())
    },
  }
}
