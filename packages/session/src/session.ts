import { inspect } from 'node:util'
import type { Attributes } from './attributes.ts'
import { SessionError } from './errors.ts'
import type { Principal } from './format/record.ts'

/**
 * What sessions of this app hold. Add to it, as with express-session's SessionData:
 *
 *     declare module '@baton/session' { interface SessionAttributes { cart?: string[] } }
 */
export interface SessionAttributes {
  [name: string]: unknown
}

/**
 * A request's session: a plain object to use, whose properties are the attributes, and a few methods that are not
 * enumerable. What changed, in place as well, is written before the first byte of the answer.
 *
 * An attribute that is named like a method is reached through `get` and `set`; assigning to it throws a TypeError.
 */
export type Session<A extends object = SessionAttributes> = SessionMethods<A> & Partial<A>

export interface LoginOptions {
  readonly roles?: readonly string[]
  /** How the user proved who they are, as in the Servlet API, e.g. `FORM`. */
  readonly authType?: string
}

export interface SessionMethods<A extends object = SessionAttributes> {
  /** Who is logged in. */
  readonly principal: Principal | undefined
  /**
   * Logs a user in, under a new id. Attributes are kept, unless somebody else was logged in. Rejects with SessionError
   * `session-unavailable` (nobody is logged in then), or `session-too-late` after the headers have left.
   */
  login(user: string, options?: LoginOptions): Promise<void>
  /** A new id, everything else kept: for a change of rights. Rejects like `login`, and with `session-gone`. */
  regenerate(): Promise<void>
  /**
   * Replaces one attribute with `change` of its current value, atomically across requests and nodes; gives the new
   * value. `change` must return at once, may run several times, and removes the attribute by returning undefined.
   * Rejects with SessionError `session-unavailable`, `session-gone`, or `session-conflict`.
   */
  update<N extends keyof A & string>(
    name: N,
    change: (current: A[N] | undefined) => A[N] | undefined,
  ): Promise<A[N] | undefined>
  /** Writes what changed now, instead of before the headers: for streams and long answers. */
  save(): Promise<void>
  /** Ends the session everywhere. What is assigned afterwards begins a new one. */
  destroy(): Promise<void>
  get(name: string): unknown
  set(name: string, value: unknown): void
  /** All attributes that can be read here, as JSON.stringify and console.log show them. */
  toJSON(): Record<string, unknown>
}

/** What a session can do beyond holding attributes. */
export type SessionActions = Pick<
  SessionMethods<Record<string, unknown>>,
  'login' | 'regenerate' | 'update' | 'save' | 'destroy'
> & { principal(): Principal | undefined }

export function makeSession(attributes: Attributes, actions: SessionActions): Session {
  const methods: Omit<SessionMethods<Record<string, unknown>>, 'principal'> = {
    login: actions.login,
    regenerate: actions.regenerate,
    update: actions.update,
    save: actions.save,
    destroy: actions.destroy,
    get: (name) => attributes.get(name),
    set: assign,
    toJSON: () =>
      Object.fromEntries(
        attributes
          .names()
          .filter(isReadable)
          .map((name) => [name, attributes.get(name)]),
      ),
  }
  const own: Record<string, unknown> = Object.assign(Object.create(null), methods)
  // console.log looks at a proxy's target.
  const target = Object.defineProperty({}, inspect.custom, { value: methods.toJSON, configurable: true })

  return new Proxy(target, {
    get(_, name) {
      if (typeof name === 'symbol') return Reflect.get(target, name)
      if (name === 'principal') return actions.principal()
      return own[name] ?? (attributes.has(name) ? attributes.get(name) : inherited(name))
    },
    has: (_, name) => (typeof name === 'string' ? isReserved(name) || attributes.has(name) : name in target),
    set(_, name, value) {
      refuseOddName(name)
      assign(name, value)
      return true
    },
    defineProperty(_, name, { value, get }) {
      refuseOddName(name)
      if (get !== undefined) throw new TypeError('a session attribute cannot be an accessor; assign a value')
      assign(name, value)
      return true
    },
    deleteProperty(_, name) {
      if (typeof name === 'string' && !isReserved(name)) attributes.remove(name)
      return true
    },
    ownKeys: () => attributes.names(),
    getOwnPropertyDescriptor(_, name) {
      if (typeof name === 'symbol' || !attributes.has(name)) return undefined
      const value = isReadable(name) ? attributes.get(name) : undefined
      return { value, enumerable: true, configurable: true, writable: true }
    },
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  }) as Session

  function assign(name: string, value: unknown): void {
    if (name === '__proto__') throw new TypeError('a session attribute cannot be named __proto__; use another name')
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new SessionError('session-value', `attribute ${JSON.stringify(name)}: a ${typeof value} cannot be stored`)
    }
    if (value === undefined) attributes.remove(name)
    else attributes.set(name, value)
  }

  function isReserved(name: string): boolean {
    return name === 'principal' || name in own
  }

  function isReadable(name: string): boolean {
    try {
      attributes.get(name)
      return true
    } catch {
      return false
    }
  }

  function refuseOddName(name: string | symbol): asserts name is string {
    if (typeof name === 'symbol') throw new TypeError('a session attribute cannot be named by a symbol; use a string')
    if (isReserved(name)) {
      throw new TypeError(
        `session.${name} belongs to the session itself; for an attribute of that name write session.set('${name}', …)`,
      )
    }
  }
}

/** As on any object (`toString`, `hasOwnProperty`), but for what leads to the prototype itself. */
function inherited(name: string): unknown {
  return name === '__proto__' ? undefined : Reflect.get(Object.prototype, name)
}
