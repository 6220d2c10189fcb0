import type { SessionStore } from '../../src/stores/store.ts'

/** A store that tells what it was asked, and can be made to fail. */
export interface WatchedStore {
  readonly store: SessionStore
  readonly calls: string[]
  /** What rejects, or waits, before a call goes on. */
  disturb: (method: string) => Promise<void> | undefined
}

export function watchedStore(inner: SessionStore): WatchedStore {
  const watched: WatchedStore = {
    calls: [],
    disturb: () => undefined,
    store: new Proxy(inner, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function' || typeof name !== 'string') return method
        if (name === 'peek') return undefined
        return async (...args: unknown[]) => {
          watched.calls.push(name)
          await watched.disturb(name)
          return method.apply(target, args)
        }
      },
    }),
  }
  return watched
}
