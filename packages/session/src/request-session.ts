import { setTimeout as sleep } from 'node:timers/promises'
import { type AttributeChange, attributesOf } from './attributes.ts'
import { SessionError } from './errors.ts'
import { newRecord, type Principal, principalFields, type Reading, readRecord, tombstone } from './format/record.ts'
import { decodeValue, encodeValue, etagOf, seal, tagOf } from './format/value.ts'
import { hashOfId, newId } from './id.ts'
import { makeSession, type Session } from './session.ts'
import type { SessionStore } from './stores/store.ts'
import type { Turns } from './turns.ts'

/** One request's hold on a session: what adapters drive. */
export interface RequestSession {
  readonly session: Session
  /**
   * To be settled before the first byte of the headers, and again at the end of the answer: writes what changed. Gives
   * undefined when there is nothing to wait for. Rejects with SessionError; then the answer is an error, without cookie.
   */
  commit(): Promise<void> | undefined
  /** The headers leave now: what to do about the cookie. */
  takeCookie(): { readonly set: string } | 'clear' | undefined
}

export interface RequestContext {
  readonly store: SessionStore
  readonly maxInactiveMs: number
  /** For how long `update` tries. */
  readonly commitMs: number
  readonly turns: Turns
  /** What went wrong where nobody waits for an answer. */
  readonly onError: (error: Error) => void
}

type Life =
  /** Nothing in the store that is ours; the first attribute begins a session, under a new id. */
  | { readonly state: 'none' }
  | { readonly state: 'alive'; readonly key: string; readonly maxInactiveMs: number }
  /** Ended while the browser still named it: nothing is written, and the browser's cookie is left alone. */
  | { readonly state: 'dead' }

/** Rejects with SessionError if the store cannot say whether there is a session. */
export async function openRequestSession(id: string | undefined, context: RequestContext): Promise<RequestSession> {
  const { store, onError } = context
  const key = id === undefined ? undefined : hashOfId(id)
  const stored = key === undefined ? undefined : await store.load(key)
  const found: Reading = stored === undefined ? { state: 'absent' } : readRecord(stored.fields, Date.now())

  let life: Life = { state: found.state === 'dead' ? 'dead' : 'none' }
  let principal: Principal | undefined
  let touchIsDue = false
  if (found.state === 'alive' && key !== undefined && stored !== undefined) {
    life = { state: 'alive', key, maxInactiveMs: found.maxInactiveMs }
    principal = found.principal
    touchIsDue = stored.ttlMs < found.maxInactiveMs * 0.95
  }
  const attributes = attributesOf(found.state === 'alive' ? found.attributes : new Map())
  let cookie: { set: string } | 'clear' | undefined
  let headIsGone = false
  let lastStep: Promise<unknown> = Promise.resolve()
  let steps = 0

  const session = makeSession(attributes, {
    principal: () => principal,

    login(user, { roles = [], authType } = {}) {
      return inOrder(async () => {
        if (typeof user !== 'string' || user === '') {
          throw new SessionError('session-value', 'login needs the name of a user: session.login(name, { roles })')
        }
        const next: Principal = { name: user, roles: [...roles], ...(authType === undefined ? {} : { authType }) }
        const keepAttributes = principal === undefined || principal.name === user
        const rotated = await rotate(principalFields(next), authType === undefined ? ['@t'] : [], { keepAttributes })
        if (!rotated) await begin(principalFields(next))
        principal = next
      })
    },

    regenerate() {
      return inOrder(async () => {
        if (life.state === 'none') return commitChanges()
        if (!(await rotate(new Map(), [], { keepAttributes: true }))) throw gone('given a new id')
      })
    },

    update(name, change) {
      return inOrder(async () => {
        if (attributes.changes().some((pending) => pending.name === name)) await commitChanges()
        if (life.state !== 'alive') return updateFirst(name, change)
        return context.turns.take(`${life.key}.${name}`, () => updateStored(name, change))
      })
    },

    save: () => inOrder(commitChanges),

    destroy() {
      return inOrder(async () => {
        if (life.state === 'alive') {
          const wasAlive = await store.destroy(life.key)
          life = { state: wasAlive ? 'none' : 'dead' }
          // Where another request has replaced the session, the browser has, or gets, a better cookie than none.
          cookie = wasAlive ? 'clear' : undefined
        }
        attributes.rebase(new Map())
        for (const name of attributes.names()) attributes.remove(name)
        principal = undefined
      })
    },
  })

  return {
    session,

    commit() {
      if (steps === 0 && attributes.changes().length === 0) {
        touchIfDue()
        return undefined
      }
      return inOrder(commitChanges).then(touchIfDue)
    },

    takeCookie() {
      headIsGone = true
      return cookie
    },
  }

  /** One step at a time: a request may well call `save` and end at once. */
  function inOrder<T>(step: () => Promise<T>): Promise<T> {
    steps += 1
    const result = lastStep.then(step)
    lastStep = result.then(
      () => {
        steps -= 1
      },
      () => {
        steps -= 1
      },
    )
    return result
  }

  async function commitChanges(): Promise<void> {
    const changes = attributes.changes()
    if (changes.length === 0) return
    if (life.state === 'none') return begin(new Map())
    if (life.state === 'alive') {
      touchIsDue = false
      if (await store.commit(life.key, storedChange(changes), life.maxInactiveMs)) return attributes.settle(changes)
      life = { state: 'dead' }
    }
    attributes.settle(changes)
    const names = changes.map(({ name }) => JSON.stringify(name)).join(', ')
    onError(new SessionError('session-gone', `dropped what was assigned to ${names}: the session had ended meanwhile`))
  }

  /** Writes a session that did not exist, with all that this request has assigned. */
  async function begin(meta: ReadonlyMap<string, Buffer>): Promise<void> {
    refuseIfTooLate()
    if (life.state === 'dead') attributes.rebase(new Map())
    const changes = attributes.changes()
    const next = newId()
    const nextKey = hashOfId(next)
    const { maxInactiveMs } = context
    const fields = newRecord({ createdAtMs: Date.now(), maxInactiveMs })
    for (const [field, bytes] of [...meta, ...storedChange(changes).set]) fields.set(field, bytes)
    if (!(await store.create(nextKey, fields, maxInactiveMs))) {
      throw new SessionError('session-unavailable', 'a new session id was taken already; try again')
    }
    attributes.settle(changes)
    life = { state: 'alive', key: nextKey, maxInactiveMs }
    cookie = { set: next }
    touchIsDue = false
  }

  /** Moves the session, and what changed, to a new id. false: there was none, or it had ended. */
  async function rotate(
    meta: ReadonlyMap<string, Buffer>,
    removeMeta: readonly string[],
    { keepAttributes }: { keepAttributes: boolean },
  ): Promise<boolean> {
    refuseIfTooLate()
    if (life.state !== 'alive') return false
    const changes = attributes.changes()
    const { set, remove } = storedChange(changes)
    const next = newId()
    const to = hashOfId(next)
    const { key: from, maxInactiveMs } = life
    const moved = await store.rotate(
      {
        from,
        to,
        set: new Map([...set, ...meta]),
        remove: [...remove, ...removeMeta],
        tombstone: tombstone.rotatedTo(to),
        keepAttributes,
      },
      maxInactiveMs,
    )
    if (moved === undefined) {
      life = { state: 'dead' }
      return false
    }
    const reading = readRecord(moved, Date.now())
    attributes.settle(changes)
    if (reading.state === 'alive') attributes.rebase(reading.attributes)
    life = { state: 'alive', key: to, maxInactiveMs }
    cookie = { set: next }
    touchIsDue = false
    return true
  }

  async function updateFirst<T>(name: string, change: (current: T | undefined) => T | undefined) {
    if (life.state === 'dead') throw gone('updated')
    const next = change(undefined)
    if (next === undefined) return undefined
    attributes.set(name, next)
    await commitChanges()
    return next
  }

  async function updateStored<T>(name: string, change: (current: T | undefined) => T | undefined) {
    const startedAt = performance.now()
    for (let tries = 1; ; tries += 1) {
      if (life.state !== 'alive') throw gone('updated')
      const bytes = attributes.stored(name)
      // A copy of its own: `change` may alter what it is given, and may run again.
      const next = change(bytes === undefined ? undefined : (readable(name, bytes) as T))
      if (next instanceof Promise) {
        throw new SessionError('session-value', 'what update is given must return the new value, not a promise of it')
      }
      const value = next === undefined ? undefined : seal(encodeValue(next, bytes && tagOf(bytes)))
      const conditional = { field: `.${name}`, etag: etagOf(bytes), value }
      const result = await store.update(life.key, conditional, life.maxInactiveMs)
      if (result.outcome === 'done') {
        attributes.refresh(name, value)
        if (next !== undefined) attributes.set(name, next)
        touchIsDue = false
        return next
      }
      if (result.outcome === 'dead') {
        life = { state: 'dead' }
        throw gone('updated')
      }
      attributes.refresh(name, result.value)
      if (performance.now() - startedAt > context.commitMs) {
        throw new SessionError(
          'session-conflict',
          `${JSON.stringify(name)} was changed by others all the time; try again`,
        )
      }
      // Only other processes get here: requests of this one take turns.
      await sleep(Math.random() * Math.min(tries, 10))
    }
  }

  function readable(name: string, bytes: Buffer): unknown {
    const decoded = decodeValue(bytes)
    return decoded.readable ? decoded.value : attributes.get(name)
  }

  function touchIfDue(): void {
    if (!touchIsDue || life.state !== 'alive') return
    touchIsDue = false
    store.touch(life.key, life.maxInactiveMs).catch(onError)
  }

  function refuseIfTooLate(): void {
    if (!headIsGone) return
    throw new SessionError(
      'session-too-late',
      'a new session needs a cookie, and the headers have left: assign the first attribute, or log in, before that',
    )
  }
}

function storedChange(changes: readonly AttributeChange[]): { set: Map<string, Buffer>; remove: string[] } {
  const set = new Map<string, Buffer>()
  const remove: string[] = []
  for (const { name, bytes } of changes) {
    if (bytes === undefined) remove.push(`.${name}`)
    else set.set(`.${name}`, bytes)
  }
  return { set, remove }
}

function gone(what: string): SessionError {
  return new SessionError('session-gone', `the session had ended when it was to be ${what}; have the user log in again`)
}
