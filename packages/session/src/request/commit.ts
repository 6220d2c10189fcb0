import type { AttributeChange } from '../attributes.ts'
import { SessionError } from '../errors.ts'
import { deadlineField, type Fields, intervalField, newRecord } from '../format/record.ts'
import { hashOfId, newId } from '../id.ts'
import { checkLimits } from '../limits.ts'
import type { Change, CommitOptions } from '../stores/store.ts'
import { end } from './end.ts'
import { type Hold, noFields, refuseIfAway, refuseIfTooLate } from './hold.ts'

/** The last step of an answer, and of each part of it. */
export async function finish(hold: Hold): Promise<void> {
  // An app that did not wait for its logout must not answer as if it had worked.
  if (hold.endIsWanted) await end(hold)
  await commitChanges(hold)
  touchIfDue(hold)
}

/** Writes what changed, and nothing else. A session that had ended meanwhile stays so: the change is dropped and reported. */
export async function commitChanges(hold: Hold): Promise<void> {
  const changes = hold.attributes.changes()
  const intervalIsNew = hold.maxInactiveMs !== hold.storedInactiveMs
  if (changes.length === 0 && !intervalIsNew) return
  refuseIfAway(hold)
  if (hold.life === 'none') {
    if (changes.length > 0) await begin(hold, noFields, undefined)
    return
  }
  if (hold.life === 'alive') {
    const change = checked(hold, hold.attributes.sealed(changes))
    const { maxInactiveMs } = hold
    if (intervalIsNew) change.set.set('@m', intervalField(maxInactiveMs))
    const options = commitOptions(hold)
    const version = await hold.context.store.commit(hold.key, change, hold.ttlMs(), options)
    if (version !== undefined) {
      if (options?.owner !== undefined) hold.context.listings.renewed(hold.key)
      hold.storedInactiveMs = maxInactiveMs
      return hold.wrote(version, change)
    }
    hold.life = 'dead'
  }
  hold.storedInactiveMs = hold.maxInactiveMs
  if (changes.length > 0) drop(hold, changes)
}

/** Writes a session that did not exist, with all that this request has assigned. */
export async function begin(hold: Hold, meta: Fields, owner: string | undefined): Promise<void> {
  refuseIfTooLate(hold)
  const { context, attributes } = hold
  if (hold.life === 'dead') {
    attributes.rebase(noFields, '')
    hold.deadlineMs = undefined
  }
  const id = newId()
  const key = hashOfId(id)
  const nowMs = Date.now()
  const { maxInactiveMs } = hold
  const fields = newRecord({ createdAtMs: nowMs, maxInactiveMs })
  if (context.absoluteMs !== undefined) fields.set('@A', deadlineField(nowMs + context.absoluteMs))
  for (const [field, bytes] of meta) fields.set(field, bytes)
  const change = checked(hold, attributes.sealed(attributes.changes(), key))
  for (const [field, bytes] of change.set) fields.set(field, bytes)
  const ttlMs = Math.min(maxInactiveMs, context.absoluteMs ?? maxInactiveMs)
  if (!(await context.store.create(key, fields, ttlMs, owner))) {
    throw new SessionError('session-unavailable', 'a new session id was taken already; try again')
  }
  attributes.settle(change, key)
  hold.adopt(key, fields)
  if (owner !== undefined) context.listings.renewed(key)
  hold.cookie = { set: id }
  hold.written = 1
  hold.isNew = true
  hold.touchIsDue = false
}

/** Throws SessionError `session-too-large`. */
export function checked<C extends Change>(hold: Hold, change: C): C {
  checkLimits(hold.context.limits, hold.attributes.record, change)
  return change
}

export function touchIfDue(hold: Hold): void {
  if (hold.life !== 'alive') return
  const { store, touching, listings, onError } = hold.context
  const { key } = hold
  // What `update` writes prolongs the session, and tells no list.
  if (!hold.touchIsDue && (hold.written === undefined || hold.ownerToTell === undefined)) return
  hold.touchIsDue = false
  if (touching.has(key)) return
  touching.add(key)
  listings.renewed(key)
  store
    .touch(key, hold.ttlMs(), hold.owner)
    .catch(onError)
    .finally(() => touching.delete(key))
}

function commitOptions(hold: Hold): CommitOptions | undefined {
  const owner = hold.ownerToTell
  const lock = hold.lockHolder
  if (owner === undefined && lock === undefined) return undefined
  return { ...(owner === undefined ? {} : { owner }), ...(lock === undefined ? {} : { lock }) }
}

function drop(hold: Hold, changes: readonly AttributeChange[]): void {
  hold.attributes.settle(hold.attributes.sealed(changes))
  const names = changes.map(({ name }) => JSON.stringify(name)).join(', ')
  hold.context.onDropped()
  hold.context.onError(
    new SessionError('session-gone', `dropped what was assigned to ${names}: the session had ended meanwhile`),
  )
}
