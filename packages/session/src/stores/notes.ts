import type { Notes } from './store.ts'

/** `grow` is asked for room for what is noted, in bytes; without it nothing is. */
export function notesOf(grow: (bytes: number) => boolean): Notes {
  const parsed = new Map<string, object>()
  return {
    meta: undefined,
    json: (name) => parsed.get(name),
    keepJson(name, value, bytes) {
      // About what it takes in memory: small objects take several times as much as their text.
      if (!parsed.has(name) && grow(200 + 5 * bytes)) parsed.set(name, value)
    },
  }
}
