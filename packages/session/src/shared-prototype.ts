/**
 * Express puts prototypes of its own between a request, or a response, and Node's classes: the last of those, which all
 * its apps share; undefined where there is none. Such an object takes a property of its own slowly, as it had its
 * prototype replaced: a few of them cost a request as much as all the rest of a session. What is put here costs it nothing.
 */
export function sharedPrototype(object: object): object | undefined {
  const nearest: object = Object.getPrototypeOf(object)
  const before = known.get(nearest)
  if (before !== undefined) return before ?? undefined
  let found: object | null = null
  let prototype: object | null = nearest
  while (prototype !== null && !Object.hasOwn(prototype, 'constructor')) {
    found = prototype
    prototype = Object.getPrototypeOf(prototype)
  }
  known.set(nearest, found)
  return found ?? undefined
}

/** By the prototype of a request or response. */
const known = new WeakMap<object, object | null>()
