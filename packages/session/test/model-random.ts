/** Numbers that look random and come again with the same seed (mulberry32, public domain). */
export interface Random {
  /** 0 to `count` - 1. */
  below(count: number): number
  pick<T>(values: readonly [T, ...T[]]): T
  /** By their weights. */
  weighed<T extends string>(weights: Readonly<Record<T, number>>): T
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const random: Random = {
    below: (count) => Math.floor(next() * count),
    pick: (values) => values[random.below(values.length)] ?? values[0],
    weighed(weights) {
      const entries = Object.entries(weights) as [keyof typeof weights, number][]
      let at = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [name, weight] of entries) {
        at -= weight
        if (at < 0) return name
      }
      return entries[0]![0]
    },
  }
  return random

  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
