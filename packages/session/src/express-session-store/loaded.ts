import { Attributes } from '../attributes.ts'
import type { Cipher } from '../format/cipher.ts'
import { deadlineOf, type Fields, intervalField, type Meta, principalOf } from '../format/record.ts'
import type { OwnerOf } from '../owner.ts'
import type { Change, Stored } from '../stores/store.ts'
import { cookieField, cookieNote, cookieOf, type Lifetime } from './cookie-note.ts'

/** A whole session, as the middleware hands it to a store. */
export type WholeSession = Record<string, unknown>

/** What the store had when a session was loaded, or last saved: what a `set` is compared with, so that it writes only what differs. */
export interface Loaded {
  readonly key: string
  /** What a request extends it by; undefined: it is not in the store yet. */
  readonly intervalMs: number | undefined
  /** Its absolute end, if it has one. */
  readonly deadlineMs: number | undefined
  /** The hash of who is logged in, by another adapter. */
  readonly owner: string | undefined
  /** For the middleware; the values are compared by what they were when this was called. */
  handOut(): WholeSession
  /** What to write. Attributes are compared for a `set`, and not for a `touch`, which may come with none. */
  changes(session: WholeSession, lifetime: Lifetime, what: 'all' | 'cookie'): LoadedChange
  /** More than 5 % of the interval has passed since anybody extended it, or it is to end sooner than it does. */
  touchIsDue(ttlMs: number): boolean
  touched(ttlMs: number): void
}

export interface LoadedChange extends Change {
  readonly isEmpty: boolean
  /** Attributes, by name. */
  readonly names: readonly string[]
  /** The store has it now; with `record`, what it was created with. */
  settle(ttlMs: number, record?: Fields): void
}

export interface LoadedContext {
  readonly cipher: Cipher | undefined
  readonly ownerOf: OwnerOf
  /** Throws SessionError `session-too-large`. */
  readonly checkLimits: (before: Fields, change: Change) => void
}

interface Found {
  readonly stored: Stored
  readonly meta: Extract<Meta, { state: 'alive' }>
}

/** `found` undefined: a session that is not in the store yet. */
export function loadedSession(key: string, found: Found | undefined, context: LoadedContext): Loaded {
  const attributes = new Attributes(found?.stored.fields ?? new Map(), key, context.cipher)
  const given = new Set<string>()
  const user = principalOf(attributes.record)?.name
  let intervalMs = found?.meta.maxInactiveMs
  let endsAtMs = Date.now() + (found?.stored.ttlMs ?? 0)

  return {
    key,
    get intervalMs() {
      return intervalMs
    },
    get deadlineMs() {
      return deadlineOf(attributes.record)
    },
    owner: user === undefined ? undefined : context.ownerOf(user),

    handOut() {
      const session: WholeSession = {}
      for (const name of attributes.names()) {
        if (!isForMiddleware(attributes, name)) continue
        session[name] = attributes.get(name)
        given.add(name)
      }
      session.cookie = cookieOf(attributes.record.get(cookieField), endsAtMs - Date.now())
      return session
    },

    changes(session, lifetime, what) {
      if (what === 'all') compareAttributes(session)
      const changed = what === 'all' ? attributes.changes() : []
      const change = attributes.sealed(changed)
      const newIntervalMs = addCookie(session, lifetime, change.set)
      context.checkLimits(attributes.record, change)
      return {
        ...change,
        isEmpty: change.set.size === 0 && change.remove.length === 0,
        names: changed.map(({ name }) => name),
        settle(ttlMs, record) {
          attributes.settle(record === undefined ? change : { set: record, remove: [] })
          intervalMs = newIntervalMs
          endsAtMs = Date.now() + ttlMs
        },
      }
    },

    touchIsDue: (ttlMs) => Math.abs(endsAtMs - Date.now() - ttlMs) > ttlMs * 0.05,
    touched(ttlMs) {
      endsAtMs = Date.now() + ttlMs
    },
  }

  function compareAttributes(session: WholeSession): void {
    for (const [name, value] of Object.entries(session)) {
      if (!isStorable(name, value)) continue
      // The very same value may have been changed in place, which attributes find by themselves.
      if (!given.has(name) || !Object.is(attributes.get(name), value)) attributes.set(name, value)
      given.add(name)
    }
    for (const name of given) if (isTakenOut(session, name)) attributes.remove(name)
  }

  function addCookie(session: WholeSession, lifetime: Lifetime, set: Map<string, Buffer>): number | undefined {
    const before = attributes.record.get(cookieField)
    const note = cookieNote(session.cookie, before)
    if (note === undefined || (before !== undefined && note.equals(before))) return intervalMs
    set.set(cookieField, note)
    // Not at each request: where the cookie ends at a date, what is left of it gets less and less.
    const newIntervalMs = Math.max(1, Math.round(lifetime.intervalMs / 1000)) * 1000
    if (newIntervalMs !== intervalMs) set.set('@m', intervalField(newIntervalMs))
    return newIntervalMs
  }
}

/**
 * What the middleware can hold: it hashes sessions as JSON, and keeps its cookie object among the attributes. The rest
 * stays in the store as it is.
 */
function isForMiddleware(attributes: Attributes, name: string): boolean {
  if (name === 'cookie') return false
  try {
    return typeof attributes.get(name) !== 'bigint'
  } catch {
    return false
  }
}

/** As JSON: a function is not stored, and no error. */
function isStorable(name: string, value: unknown): boolean {
  if (name === 'cookie' || name === '__proto__' || name === carriedName) return false
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
}

/** A name that is the session's own, like `id` or `save`, hides an attribute, and takes out nothing. */
function isTakenOut(session: WholeSession, name: string): boolean {
  if (Object.prototype.propertyIsEnumerable.call(session, name)) return !isStorable(name, session[name])
  return !(name in session)
}

const carriedName = '@loaded'

/** What a session was loaded as, in the session itself: for middleware that copies what it was given. JSON does not see it. */
export class CarriedLoaded {
  readonly #loaded: Loaded

  private constructor(loaded: Loaded) {
    this.#loaded = loaded
  }

  static put(session: WholeSession, loaded: Loaded): void {
    session[carriedName] = new CarriedLoaded(loaded)
  }

  static in(session: WholeSession): Loaded | undefined {
    const carried = session[carriedName]
    return carried instanceof CarriedLoaded ? carried.#loaded : undefined
  }

  toJSON(): undefined {
    return undefined
  }
}
