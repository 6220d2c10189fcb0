import { SessionError } from './errors.ts'
import { commitChanges } from './request/commit.ts'
import { end } from './request/end.ts'
import { type Hold, refuseIfAway } from './request/hold.ts'
import { type LockOptions, lock } from './request/lock.ts'
import { type LoginOptions, login, regenerate, regenerateOrForget } from './request/login.ts'
import { reload } from './request/reload.ts'
import { consume, update } from './request/update.ts'
import type { SessionCallback } from './session.ts'

type Method = (hold: Hold, ...args: never[]) => unknown
interface Accessor {
  get(hold: Hold): unknown
  set?(hold: Hold, value: unknown): void
}

/** What a session can do beyond holding attributes. One table for all sessions: a request that reads makes no functions. */
export const sessionMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['login', (hold, user: string, options?: LoginOptions) => hold.inOrder((held) => login(held, user, options))],
  [
    'regenerate',
    (hold, callback?: SessionCallback) => {
      if (callback === undefined) return hold.inOrder(regenerate)
      return answered(hold.renewer === undefined ? hold.inOrder(regenerateOrForget) : hold.renewer.renew(), callback)
    },
  ],
  [
    'update',
    (hold, name: string, change: (current: unknown) => unknown) => {
      refuseName(name)
      return hold.inOrder((held) => update(held, name, change))
    },
  ],
  ['consume', (hold, name: string) => hold.inOrder((held) => consume(held, name))],
  ['lock', (hold, options?: LockOptions) => hold.inOrder((held) => lock(held, options))],
  ['save', (hold, callback?: SessionCallback) => answered(hold.inOrder(commitChanges), callback)],
  ['reload', (hold, callback?: SessionCallback) => answered(hold.inOrder(reload), callback)],
  ['destroy', (hold, callback?: SessionCallback) => answered(hold.inOrder(end), callback)],
  ['get', (hold, name: string) => hold.attributes.get(name)],
  ['set', assign],
  ['toJSON', (hold) => hold.attributes.toJSON()],
])

export const sessionAccessors: ReadonlyMap<string, Accessor> = new Map<string, Accessor>([
  ['principal', { get: (hold) => hold.principal }],
  ['isNew', { get: (hold) => hold.isNew }],
  ['createdAt', { get: (hold) => (hold.createdAtMs === undefined ? undefined : new Date(hold.createdAtMs)) }],
  ['available', { get: (hold) => hold.life !== 'away' }],
  ['maxInactiveInterval', { get: (hold) => hold.maxInactiveMs / 1000, set: setInterval }],
])

export function assign(hold: Hold, name: string, value: unknown): void {
  refuseName(name)
  refuseIfAway(hold)
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new SessionError('session-value', `attribute ${JSON.stringify(name)}: a ${typeof value} cannot be stored`)
  }
  if (value === undefined) hold.attributes.remove(name)
  else hold.attributes.set(name, value)
}

function setInterval(hold: Hold, seconds: unknown): void {
  refuseIfAway(hold)
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > 1e9) {
    throw new SessionError(
      'session-value',
      'session.maxInactiveInterval is in whole seconds, from 1 on: 1800 for half an hour',
    )
  }
  hold.maxInactiveMs = seconds * 1000
}

function refuseName(name: string): void {
  if (name === '__proto__') throw new TypeError('a session attribute cannot be named __proto__; use another name')
}

/** The promise; or, for who gives a callback, that. What a callback throws is its own, as anywhere in Node. */
function answered(work: Promise<void>, callback: SessionCallback | undefined): Promise<void> | undefined {
  if (callback === undefined) return work
  work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}
