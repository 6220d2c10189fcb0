import type { Hold } from './request/hold.ts'
import type { Session } from './session.ts'
import { assign, sessionAccessors, sessionMethods } from './session-methods.ts'

/** The session as the app sees it. */
export function sessionOf(hold: Hold): Session {
  return new Proxy(hold, handler) as unknown as Session
}

/** What is behind a session; undefined for anything else. */
export function holdOf(session: Session): Hold | undefined {
  return Reflect.get(session, behind) as Hold | undefined
}

const behind = Symbol('baton.session.hold')

/** Shared by all sessions. */
const handler: ProxyHandler<Hold> = {
  get(hold, name) {
    if (typeof name === 'symbol') return bySymbol(hold, name)
    const method = sessionMethods.get(name)
    if (method !== undefined) return bound(hold, name, method)
    const accessor = sessionAccessors.get(name)
    if (accessor !== undefined) return accessor.get(hold)
    const value = hold.attributes.get(name)
    return value === undefined && !hold.attributes.has(name) ? inherited(name) : value
  },
  has: (hold, name) => typeof name === 'string' && (isReserved(name) || hold.attributes.has(name) || name in plain),
  set(hold, name, value) {
    const accessor = typeof name === 'string' ? sessionAccessors.get(name) : undefined
    if (accessor?.set === undefined) assign(hold, ordinary(name), value)
    else accessor.set(hold, value)
    return true
  },
  defineProperty(hold, name, { value, get }) {
    if (get !== undefined) throw new TypeError('a session attribute cannot be an accessor; assign a value')
    assign(hold, ordinary(name), value)
    return true
  },
  deleteProperty(hold, name) {
    if (typeof name === 'string' && !isReserved(name)) hold.attributes.remove(name)
    return true
  },
  ownKeys: (hold) => hold.attributes.names(),
  getOwnPropertyDescriptor(hold, name) {
    if (typeof name === 'symbol' || !hold.attributes.has(name)) return undefined
    const value = hold.attributes.isReadable(name) ? hold.attributes.get(name) : undefined
    return { value, enumerable: true, configurable: true, writable: true }
  },
  getPrototypeOf: () => plain,
  preventExtensions: () => false,
  setPrototypeOf: () => false,
}

const plain = Object.prototype

function bySymbol(hold: Hold, name: symbol): unknown {
  if (name === behind) return hold
  return Reflect.get(plain, name)
}

/** The same function each time, as on any object, and made only where it is used. */
function bound(hold: Hold, name: string, method: (hold: Hold, ...args: never[]) => unknown): unknown {
  hold.methods ??= new Map()
  const known = hold.methods.get(name)
  if (known !== undefined) return known
  const made = method.bind(undefined, hold)
  hold.methods.set(name, made)
  return made
}

function isReserved(name: string): boolean {
  return sessionMethods.has(name) || sessionAccessors.has(name)
}

function ordinary(name: string | symbol): string {
  if (typeof name === 'symbol') throw new TypeError('a session attribute cannot be named by a symbol; use a string')
  if (!isReserved(name)) return name
  throw new TypeError(
    `session.${name} belongs to the session itself; for an attribute of that name write session.set('${name}', …)`,
  )
}

/** As on any object (`toString`, `hasOwnProperty`), but for what leads to the prototype itself. */
function inherited(name: string): unknown {
  return name === '__proto__' ? undefined : Reflect.get(plain, name)
}
