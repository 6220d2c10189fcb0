import { isAttribute } from '../attributes.ts'
import { SessionError } from '../errors.ts'
import type { Cipher } from '../format/cipher.ts'
import { type Fields, intervalField, tombstone, versionOf } from '../format/record.ts'
import { hashOfId, newId } from '../id.ts'
import type { Change, Rotation } from '../stores/store.ts'
import { checked } from './commit.ts'
import { type Hold, refuseIfTooLate } from './hold.ts'

export interface Move {
  readonly meta: Fields
  /** Meta fields that go. */
  readonly remove: readonly string[]
  readonly owner: string | undefined
  /** false: what this request has changed stays behind as well. */
  readonly keepAttributes: boolean
}

/** Moves the session, and what changed, to a new id. false: there was none, or it had ended. */
export async function rotate(hold: Hold, move: Move): Promise<boolean> {
  refuseIfTooLate(hold)
  if (hold.life !== 'alive') return false
  const { store, cipher } = hold.context
  const changes = move.keepAttributes ? hold.attributes.changes() : []
  const id = newId()
  const to = hashOfId(id)
  const startedAt = performance.now()
  let fields = hold.attributes.record
  let { version } = hold
  for (;;) {
    const own = checked(hold, hold.attributes.sealed(changes, to))
    const rotation = rotationOf(hold, move, to, own)
    const again = cipher !== undefined && move.keepAttributes
    if (again) resealAll(cipher, fields, { from: hold.key, to }, rotation)
    const moved = await moveIn(hold, again ? { ...rotation, ifVersion: version } : rotation)
    if (moved === undefined) return false
    if (moved !== 'conflict') {
      if (move.keepAttributes) hold.attributes.settle(own)
      else hold.attributes.reset(moved, to)
      hold.storedInactiveMs = hold.maxInactiveMs
      hold.adopt(to, moved)
      hold.cookie = { set: id }
      hold.written = hold.version
      hold.touchIsDue = false
      if (move.owner !== undefined) hold.context.listings.renewed(to)
      return true
    }
    if (performance.now() - startedAt > hold.context.commitMs) {
      throw new SessionError('session-conflict', 'the session was changed by others all the time; try again')
    }
    const stored = await store.load(hold.key, { fresh: true })
    if (stored === undefined) {
      hold.life = 'dead'
      return false
    }
    fields = stored.fields
    version = versionOf(fields)
  }
}

interface Sealed extends Rotation {
  readonly set: Map<string, Buffer>
  readonly remove: readonly string[]
}

function rotationOf(hold: Hold, move: Move, to: string, own: Change): Sealed {
  const set = new Map(own.set)
  for (const [field, bytes] of move.meta) set.set(field, bytes)
  if (hold.maxInactiveMs !== hold.storedInactiveMs) set.set('@m', intervalField(hold.maxInactiveMs))
  return {
    from: hold.key,
    to,
    set,
    remove: [...own.remove, ...move.remove],
    tombstone: tombstone.rotatedTo(to),
    keepAttributes: move.keepAttributes,
    ...(move.owner === undefined ? {} : { owner: move.owner }),
  }
}

/** Encrypted values are bound to the session's key. What cannot be read here is moved as it is. */
function resealAll(cipher: Cipher, fields: Fields, keys: { from: string; to: string }, rotation: Sealed): void {
  for (const [field, bytes] of fields) {
    if (!isAttribute(field) || rotation.set.has(field) || rotation.remove.includes(field)) continue
    const plain = cipher.open(keys.from, field, bytes)
    if (plain !== undefined) rotation.set.set(field, cipher.seal(keys.to, field, plain))
  }
}

async function moveIn(hold: Hold, rotation: Rotation): ReturnType<Hold['context']['store']['rotate']> {
  try {
    const moved = await hold.context.store.rotate(rotation, hold.ttlMs())
    if (moved === undefined) hold.life = 'dead'
    return moved
  } catch (error) {
    // Logged out everywhere in between: the old id is gone, and so is the new one.
    if (error instanceof SessionError && error.code === 'session-gone') hold.life = 'dead'
    throw error
  }
}
