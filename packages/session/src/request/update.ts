import { setTimeout as sleep } from 'node:timers/promises'
import { SessionError } from '../errors.ts'
import { etagOf } from '../format/value.ts'
import { changeOf, type Updated } from '../stores/store.ts'
import { checked, commitChanges } from './commit.ts'
import { gone, type Hold, refuseIfAway } from './hold.ts'
import { refresh } from './reload.ts'

type Make = (current: unknown) => unknown

/** Replaces one attribute, atomically across requests and nodes. */
export async function update(hold: Hold, name: string, make: Make): Promise<unknown> {
  refuseIfAway(hold)
  await commitPending(hold, name)
  if (hold.life !== 'alive') return updateFirst(hold, name, make)
  return hold.context.turns.take(`${hold.key}.${name}`, () => updateStored(hold, name, make))
}

/** Gives an attribute to exactly one of all who ask for it, and removes it. */
export async function consume(hold: Hold, name: string): Promise<unknown> {
  refuseIfAway(hold)
  await commitPending(hold, name)
  // A near cache may not know yet what another request has put there.
  if (hold.context.mayBeStale && hold.life === 'alive' && hold.attributes.stored(name) === undefined) {
    await refresh(hold, { keepChanges: true })
  }
  const retry = retryWithin(hold, name)
  while (hold.life === 'alive' && hold.attributes.stored(name) !== undefined) {
    const value = hold.attributes.copy(name)
    const outcome = await replace(hold, name, undefined)
    if (outcome === 'done') return value
    if (outcome === 'conflict') await retry()
  }
  return undefined
}

async function updateFirst(hold: Hold, name: string, make: Make): Promise<unknown> {
  if (hold.life === 'dead') throw gone('updated')
  const next = made(make(undefined))
  if (next === undefined) return undefined
  hold.attributes.set(name, next)
  await commitChanges(hold)
  return next
}

async function updateStored(hold: Hold, name: string, make: Make): Promise<unknown> {
  const retry = retryWithin(hold, name)
  for (;;) {
    if (hold.life !== 'alive') throw gone('updated')
    // A copy of its own: `make` may alter what it is given, and may run again.
    const next = made(make(hold.attributes.copy(name)))
    const outcome = await replace(hold, name, next)
    if (outcome === 'dead') throw gone('updated')
    if (outcome === 'done') {
      if (next !== undefined) hold.attributes.set(name, next)
      return next
    }
    await retry()
  }
}

/** One try, from the value that we know. */
async function replace(hold: Hold, name: string, next: unknown): Promise<Updated['outcome']> {
  const { attributes, context } = hold
  const value = next === undefined ? undefined : attributes.sealedValue(name, next)
  const conditional = { field: `.${name}`, etag: etagOf(attributes.stored(name)), value }
  const change = checked(hold, changeOf(conditional))
  const result = await context.store.update(hold.key, conditional, hold.ttlMs())
  if (result.outcome === 'dead') hold.life = 'dead'
  if (result.outcome === 'conflict') attributes.refresh(name, result.value)
  if (result.outcome === 'done') {
    hold.wrote(result.version, change)
    attributes.refresh(name, value)
  }
  return result.outcome
}

async function commitPending(hold: Hold, name: string): Promise<void> {
  for (const change of hold.attributes.changes()) if (change.name === name) return commitChanges(hold)
}

/** Only other processes cause a retry of `update`: requests of this one take turns. */
function retryWithin(hold: Hold, name: string): () => Promise<void> {
  const startedAt = performance.now()
  let tries = 0
  return async () => {
    tries += 1
    if (performance.now() - startedAt > hold.context.commitMs) {
      throw new SessionError(
        'session-conflict',
        `${JSON.stringify(name)} was changed by others all the time; try again`,
      )
    }
    await sleep(Math.random() * Math.min(tries, 10))
  }
}

function made(value: unknown): unknown {
  if (!(value instanceof Promise)) return value
  throw new SessionError('session-value', 'what update is given must return the new value, not a promise of it')
}
