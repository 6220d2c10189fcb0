import { SessionError } from './errors.ts'
import type { Cipher, Plain } from './format/cipher.ts'
import { copyJson, isSameJson } from './format/json.ts'
import type { Fields } from './format/record.ts'
import { type Decoded, decodePayload, decodeValue, encodeValue, payloadOf, seal, tagOf } from './format/value.ts'
import type { Change, Notes } from './stores/store.ts'

/** One attribute that differs from what the store has. */
export interface AttributeChange {
  readonly name: string
  /** What to store; undefined removes the attribute. */
  readonly plain: Plain | undefined
}

/** A value that the app holds: assigned, or a mutable one that was handed out. */
interface Held {
  value: unknown
  /** For parsed JSON: what was parsed, of which `value` is a copy. */
  original: unknown
  /** What the store has of it, out of its envelope; looked at when needed. */
  was: Plain | undefined
}

/**
 * The attributes of one session during one request: decoded when first read, and compared when asked for `changes()`,
 * which sees assignments, deletions and objects that were changed in place. An attribute that is not touched costs nothing.
 */
export class Attributes {
  private readonly cipher: Cipher | undefined
  /** Of the whole record, meta fields too; never altered: a near cache may share it. */
  private base: Fields
  /** The session's key, to which encrypted values are bound. */
  private key: string
  /** About `base`. */
  private notes: Notes | undefined
  private held: Map<string, Held> | undefined
  private removed: Set<string> | undefined

  constructor(base: Fields, key: string, cipher: Cipher | undefined) {
    this.base = base
    this.key = key
    this.cipher = cipher
    this.notes = undefined
    this.held = undefined
    this.removed = undefined
  }

  /** The record, as the store had it when last heard of. */
  get record(): Fields {
    return this.base
  }

  has(name: string): boolean {
    return this.held?.has(name) === true || (this.stored(name) !== undefined && this.removed?.has(name) !== true)
  }

  names(): string[] {
    const names = new Set<string>()
    for (const field of this.base.keys()) {
      if (isAttribute(field) && this.removed?.has(field.slice(1)) !== true) names.add(field.slice(1))
    }
    for (const name of this.held?.keys() ?? []) names.add(name)
    return [...names]
  }

  /** Throws SessionError `session-format` for a value that cannot be read here: it is there, and stays as it is. */
  get(name: string): unknown {
    const held = this.held?.get(name)
    if (held !== undefined) return held.value
    if (this.removed?.has(name) === true) return undefined
    const noted = this.notes?.json(name)
    if (noted !== undefined) return this.handOut(name, noted, 'j')
    const bytes = this.stored(name)
    if (bytes === undefined) return undefined
    if (this.cipher === undefined) {
      const value = readable(name, decodeValue(bytes))
      const tag = tagOf(bytes)
      // Of JSON alone the app is given a copy.
      if (tag === 'j' && typeof value === 'object' && value !== null) this.notes?.keepJson(name, value, bytes.length)
      return this.handOut(name, value, tag)
    }
    const was = this.opened(name, bytes)
    return this.handOut(name, readable(name, decoded(bytes, was)), was?.tag, was)
  }

  isReadable(name: string): boolean {
    try {
      this.get(name)
      return true
    } catch {
      return false
    }
  }

  toJSON(): Record<string, unknown> {
    const names = this.names().filter((name) => this.isReadable(name))
    return Object.fromEntries(names.map((name) => [name, this.get(name)]))
  }

  /** What the store has, as a value that nobody else holds. Throws as `get` does. */
  copy(name: string): unknown {
    const bytes = this.stored(name)
    return bytes === undefined ? undefined : readable(name, decoded(bytes, this.opened(name, bytes)))
  }

  set(name: string, value: unknown): void {
    this.removed?.delete(name)
    this.hold(name, { value, original: undefined, was: undefined })
  }

  remove(name: string): void {
    this.held?.delete(name)
    this.removed ??= new Set()
    this.removed.add(name)
  }

  /** Bytes as the store had them when last heard of. */
  stored(name: string): Buffer | undefined {
    return name === '__proto__' ? undefined : this.base.get(`.${name}`)
  }

  /** Throws SessionError `session-value` for a value that cannot be stored. */
  changes(): readonly AttributeChange[] {
    if (this.held === undefined && this.removed === undefined) return nothing
    const changes: AttributeChange[] = []
    for (const name of this.removed ?? []) if (this.stored(name) !== undefined) changes.push({ name, plain: undefined })
    for (const [name, held] of this.held ?? []) {
      if (held.original !== undefined && isSameJson(held.value, held.original)) continue
      const bytes = this.stored(name)
      if (bytes !== undefined) held.was ??= this.opened(name, bytes)
      const plain = encodeValue(held.value, held.was?.tag)
      if (held.was === undefined || !isSame(plain, held.was)) changes.push({ name, plain })
    }
    return changes
  }

  /** The changes as the store takes them, for a session under `key`: its own, or the one it is to have. */
  sealed(changes: readonly AttributeChange[], key = this.key): { set: Map<string, Buffer>; remove: string[] } {
    const set = new Map<string, Buffer>()
    const remove: string[] = []
    for (const { name, plain } of changes) {
      const field = `.${name}`
      if (plain === undefined) remove.push(field)
      else set.set(field, this.cipher === undefined ? seal(plain) : this.cipher.seal(key, field, plain))
    }
    return { set, remove }
  }

  /** The stored bytes for a new value of one attribute; a number keeps the type that it has in the store. */
  sealedValue(name: string, value: unknown): Buffer {
    const bytes = this.stored(name)
    const plain = encodeValue(value, bytes && this.opened(name, bytes)?.tag)
    return this.cipher === undefined ? seal(plain) : this.cipher.seal(this.key, `.${name}`, plain)
  }

  /** The store has this now, under this key. What was changed since stays a change. */
  settle(change: Change, key = this.key): void {
    this.key = key
    const base = new Map(this.base)
    for (const [field, bytes] of change.set) {
      base.set(field, bytes)
      this.forgetStored(field)
    }
    for (const field of change.remove) {
      base.delete(field)
      this.forgetStored(field)
      // Should another request bring it back, that is not ours to remove.
      this.removed?.delete(field.slice(1))
    }
    this.base = base
    this.notes = undefined
  }

  /** The store turned out to have something else than it was read with. */
  refresh(name: string, bytes: Buffer | undefined): void {
    this.held?.delete(name)
    this.removed?.delete(name)
    const base = new Map(this.base)
    if (bytes === undefined) base.delete(`.${name}`)
    else base.set(`.${name}`, bytes)
    this.base = base
    this.notes = undefined
  }

  /** The store holds exactly this now; objects already handed out stay valid where their meaning did not change. */
  rebase(base: Fields, key: string, notes?: Notes): void {
    for (const [name, held] of this.held ?? []) {
      const before = this.stored(name)
      const after = base.get(`.${name}`)
      if (before === undefined && after === undefined) continue
      if (before !== undefined && after !== undefined) {
        if (before.equals(after)) continue
        held.was ??= this.opened(name, before)
        const now = opened(this.cipher, key, name, after)
        if (held.was !== undefined && now !== undefined && isIdentical(held.was, now)) continue
      }
      this.held?.delete(name)
    }
    this.base = base
    this.key = key
    this.notes = notes
  }

  /** The same, and what the app held or changed is forgotten. */
  reset(base: Fields, key: string): void {
    this.held = undefined
    this.removed = undefined
    this.base = base
    this.key = key
    this.notes = undefined
  }

  private hold(name: string, held: Held): void {
    this.held ??= new Map()
    this.held.set(name, held)
  }

  private forgetStored(field: string): void {
    const held = this.held?.get(field.slice(1))
    if (held === undefined) return
    held.was = undefined
    held.original = undefined
  }

  /** Of what can be changed in place, remembers what it was: for JSON it is cheaper to copy it than to write it anew. */
  private handOut(name: string, value: unknown, tag: string | undefined, was?: Plain): unknown {
    if (typeof value !== 'object' || value === null) return value
    const isJson = tag === 'j'
    const given = isJson ? copied(name, value) : value
    this.hold(name, { value: given, original: isJson ? value : undefined, was })
    return given
  }

  private opened(name: string, bytes: Buffer): Plain | undefined {
    return opened(this.cipher, this.key, name, bytes)
  }
}

/** Java may have an attribute of this name; a JavaScript object must not: copied, it would become a prototype. */
export function isAttribute(field: string): boolean {
  return field.charCodeAt(0) === 0x2e && field !== '.__proto__'
}

const nothing: readonly AttributeChange[] = []

function opened(cipher: Cipher | undefined, key: string, name: string, bytes: Buffer): Plain | undefined {
  if (cipher !== undefined) return cipher.open(key, `.${name}`, bytes)
  const tag = tagOf(bytes)
  return tag === '' ? undefined : { tag, payload: payloadOf(bytes) }
}

function decoded(bytes: Buffer, plain: Plain | undefined): Decoded {
  return plain === undefined ? { readable: false, tag: tagOf(bytes) } : decodePayload(plain.tag, plain.payload)
}

function readable(name: string, decoded: Decoded): unknown {
  if (decoded.readable) return decoded.value
  throw unreadable(name, decoded.tag)
}

function unreadable(name: string, tag: string): SessionError {
  return new SessionError(
    'session-format',
    `attribute ${JSON.stringify(name)} has a value of type ${JSON.stringify(tag)} that cannot be read here; ` +
      'it is kept as it is: read it where it was written, or assign a new value',
  )
}

/** Whether a value means what the store has, however another writer spells the same JSON. */
function isSame(plain: Plain, was: Plain): boolean {
  if (isIdentical(plain, was)) return true
  if (plain.tag !== 'j' || was.tag !== 'j') return false
  const decoded = decodePayload('j', was.payload)
  return decoded.readable && isIdentical(plain, encodeValue(decoded.value))
}

/** What is nested thousands of levels deep could be parsed here, and never be written again. */
function copied(name: string, value: object): object {
  try {
    return copyJson(value) as object
  } catch {
    throw unreadable(name, 'j')
  }
}

function isIdentical(one: Plain, other: Plain): boolean {
  return one.tag === other.tag && one.payload.equals(other.payload)
}
