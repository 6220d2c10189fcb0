import type { ServerResponse } from 'node:http'

/** Something about each request, as a WeakMap of them would have it. */
export interface RequestMap<T> {
  get(request: object): T | undefined
  set(request: object, value: T): void
}

const key = Symbol('baton.session')
type Keeping = object & { [key]?: unknown[] }

let slots = 0

/**
 * Keeps things on the request itself, where they end with it. In a WeakMap they would outlive most requests of Express, as
 * those survive the collection of young objects: copying them took up to a third of a request's time. All maps share one
 * property, as each costs such a request a microsecond.
 */
export function requestMap<T>(): RequestMap<T> {
  const slot = slots
  slots += 1
  return {
    get: (request) => (request as Keeping)[key]?.[slot] as T | undefined,
    set(request, value) {
      const keeping = request as Keeping
      keeping[key] ??= [undefined, undefined]
      keeping[key][slot] = value
    },
  }
}

/** The request that an answer is for; where nobody says which, the answer does. */
export function requestOf(res: ServerResponse): object {
  return (res.req as object | undefined) ?? res
}
