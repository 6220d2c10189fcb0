/**
 * Loads that are under way. Each is registered before it is sent, so that an invalidation, which may come before, with or
 * right after its answer, finds it: what it brings may be used, and must not be kept.
 */
export interface Loads {
  begin(key: string): Load
  /** Once for each `begin`. Gives whether its answer may be kept. */
  end(key: string, load: Load): boolean
  spoil(key: string): void
  spoilAll(): void
}

/** The loads of one key since it was spoiled last. */
export interface Load {
  underWay: number
  isGood: boolean
  readonly generation: number
}

export function makeLoads(): Loads {
  let byKey = new Map<string, Load>()
  let generation = 0

  return {
    begin(key) {
      const known = byKey.get(key)
      if (known !== undefined) {
        known.underWay += 1
        return known
      }
      const load = { underWay: 1, isGood: true, generation }
      byKey.set(key, load)
      return load
    },

    end(key, load) {
      load.underWay -= 1
      if (load.underWay === 0 && byKey.get(key) === load) byKey.delete(key)
      return load.isGood && load.generation === generation
    },

    spoil(key) {
      const load = byKey.get(key)
      if (load === undefined) return
      load.isGood = false
      byKey.delete(key)
    },

    spoilAll() {
      generation += 1
      byKey = new Map()
    },
  }
}
