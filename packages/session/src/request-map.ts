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
 * those survive the collection of young objects: copying them took up to a third of a request's time.
 */
export function requestMap<T>(): RequestMap<T> {
  const slot = slots
  slots += 1
  return {
    get: (request) => keeperOf(request)[key]?.[slot] as T | undefined,
    set(request, value) {
      const keeper = keeperOf(request)
      keeper[key] ??= [undefined, undefined]
      keeper[key][slot] = value
    },
  }
}

/**
 * Its state as a stream, which each has for itself. One more property of a request of Express costs a shape of its own, and
 * half of the memory that a session takes on its way.
 */
const keeperOf = (request: object) => (look(request, '_readableState') ?? request) as Keeping

/** The request that an answer is for; where nobody says which, the answer does. */
export function requestOf(res: ServerResponse): object {
  return (look(res, 'req') as object | undefined) ?? res
}

/**
 * Reads a property of a request or response. As `object.name` the engine would try, and fail, to remember where each one of
 * Express' has it: no two of them have the same shape. That takes several times as long.
 */
export function look(object: object, name: string | symbol): unknown {
  return Reflect.get(object, name)
}
