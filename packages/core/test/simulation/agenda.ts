/** What is to happen when, in virtual milliseconds. */
export interface Agenda {
  readonly now: number
  after(delayMs: number, act: () => void): void
  /** Does the next thing; false when there is none. */
  step(): boolean
  /** Forgets everything that was to happen. */
  clear(): void
}

export function createAgenda(): Agenda {
  let now = 0
  let order = 0
  let entries: { at: number; order: number; act: () => void }[] = []
  return {
    get now() {
      return now
    },
    after(delayMs, act) {
      entries.push({ at: now + delayMs, order: order++, act })
    },
    step() {
      let first = 0
      for (let i = 1; i < entries.length; i += 1) {
        const entry = entries[i]!
        const best = entries[first]!
        if (entry.at < best.at || (entry.at === best.at && entry.order < best.order)) first = i
      }
      const entry = entries[first]
      if (entry === undefined) return false
      entries[first] = entries[entries.length - 1]!
      entries.pop()
      now = entry.at
      entry.act()
      return true
    },
    clear() {
      entries = []
    },
  }
}
