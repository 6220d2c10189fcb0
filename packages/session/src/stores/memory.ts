import type { Shelf } from './local-shelf.ts'
import { localStore } from './local-store.ts'
import type { SessionStore, Timeouts } from './store.ts'

export interface MemoryOptions {
  /** Several stores over one map are like several nodes on one server. Default: a map of its own. */
  readonly shared?: Map<string, Buffer>
  readonly namespace?: string
  readonly timeouts?: Partial<Timeouts>
  /** Between two steps of the sweep. Default 10 s. */
  readonly sweepIntervalMs?: number
}

/** Sessions in the memory of this process, for tests and development: they end with it. */
export function memoryStore(options: MemoryOptions = {}): SessionStore {
  return localStore({
    shelf: memoryShelf(options.shared ?? new Map()),
    namespace: options.namespace ?? 'app',
    timeouts: { loadMs: 5_000, commitMs: 5_000, ...options.timeouts },
    ...(options.sweepIntervalMs === undefined ? {} : { sweepIntervalMs: options.sweepIntervalMs }),
  })
}

function memoryShelf(kept: Map<string, Buffer>): Shelf {
  return {
    opening: undefined,
    refresh() {},
    isFull: () => false,

    get(name) {
      const bytes = kept.get(name)
      return bytes === undefined ? undefined : Buffer.from(bytes)
    },

    view: (name) => kept.get(name),

    range(after, before, limit) {
      const names = [...kept.keys()].filter((name) => name > after && name < before).sort()
      return names.slice(0, limit).map((key) => ({ key, value: kept.get(key)! }))
    },

    async write(action) {
      // As with a store outside of this process, others may come between a call and its effect.
      await undefined
      return action()
    },

    put(name, bytes) {
      kept.set(name, bytes)
    },

    remove(name) {
      kept.delete(name)
    },

    async close() {},
  }
}
