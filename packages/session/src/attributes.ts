import { SessionError } from './errors.ts'
import { decodeValue, type Encoded, encodeValue, payloadOf, seal, tagOf } from './format/value.ts'

/** One attribute that differs from what the store has. */
export interface AttributeChange {
  readonly name: string
  /** What to store; undefined removes the attribute. */
  readonly bytes: Buffer | undefined
}

/**
 * The attributes of one session during one request: decoded when first read, and compared when asked for `changes()`,
 * which sees assignments, deletions and objects that were changed in place.
 */
export interface Attributes {
  has(name: string): boolean
  names(): string[]
  /** Throws SessionError `session-format` for a value that cannot be read here: it is there, and stays as it is. */
  get(name: string): unknown
  set(name: string, value: unknown): void
  remove(name: string): void
  /** Bytes as the store had them when last heard of. */
  stored(name: string): Buffer | undefined
  /** Throws SessionError `session-value` for a value that cannot be stored. */
  changes(): AttributeChange[]
  /** The store has these now. What was changed since stays a change. */
  settle(changes: readonly AttributeChange[]): void
  /** The store turned out to have something else than it was read with. */
  refresh(name: string, bytes: Buffer | undefined): void
  /** The store holds exactly this now; objects already handed out stay valid where their bytes did not change. */
  rebase(stored: ReadonlyMap<string, Buffer>): void
}

/** A value that the app holds. */
interface Held {
  value: unknown
  /** For what was handed out decoded: its encoding at that time, so that only a real change is written. */
  pristine: Encoded | undefined
}

export function attributesOf(initial: ReadonlyMap<string, Buffer>): Attributes {
  let base = new Map(initial)
  const held = new Map<string, Held>()
  const removed = new Set<string>()

  return {
    has(name) {
      return held.has(name) || (base.has(name) && !removed.has(name))
    },

    names() {
      const names = new Set([...base.keys()].filter((name) => !removed.has(name)))
      for (const name of held.keys()) names.add(name)
      return [...names]
    },

    get(name) {
      const known = held.get(name)
      if (known !== undefined) return known.value
      const bytes = removed.has(name) ? undefined : base.get(name)
      if (bytes === undefined) return undefined
      const decoded = decodeValue(bytes)
      if (!decoded.readable) {
        throw new SessionError(
          'session-format',
          `attribute ${JSON.stringify(name)} has a value of type ${JSON.stringify(decoded.tag)} that this version of ` +
            '@baton/session cannot read; it is kept as it is: read it where it was written, or assign a new value',
        )
      }
      const { value } = decoded
      held.set(name, { value, pristine: isMutable(value) ? encodeValue(value, tagOf(bytes)) : undefined })
      return value
    },

    set(name, value) {
      removed.delete(name)
      held.set(name, { value, pristine: undefined })
    },

    remove(name) {
      held.delete(name)
      removed.add(name)
    },

    stored: (name) => base.get(name),

    changes() {
      const changes: AttributeChange[] = []
      for (const name of removed) if (base.has(name)) changes.push({ name, bytes: undefined })
      for (const [name, { value, pristine }] of held) {
        const bytes = base.get(name)
        const encoded = encodeValue(value, bytes === undefined ? undefined : tagOf(bytes))
        if (isSame(encoded, pristine) || isSame(encoded, bytes && { tag: tagOf(bytes), payload: payloadOf(bytes) }))
          continue
        changes.push({ name, bytes: seal(encoded) })
      }
      return changes
    },

    settle(changes) {
      for (const { name, bytes } of changes) {
        if (bytes === undefined) {
          base.delete(name)
          continue
        }
        base.set(name, bytes)
        const known = held.get(name)
        if (known !== undefined) known.pristine = undefined
      }
    },

    refresh(name, bytes) {
      held.delete(name)
      removed.delete(name)
      if (bytes === undefined) base.delete(name)
      else base.set(name, bytes)
    },

    rebase(stored) {
      for (const name of held.keys()) {
        const before = base.get(name)
        const after = stored.get(name)
        if (before === undefined || after === undefined ? before !== after : !before.equals(after)) held.delete(name)
      }
      removed.clear()
      base = new Map(stored)
    },
  }
}

function isMutable(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isSame(encoded: Encoded, other: { tag: string; payload: Buffer } | undefined): boolean {
  return other !== undefined && encoded.tag === other.tag && encoded.payload.equals(other.payload)
}
