import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SessionError } from '../src/errors.ts'
import { asFields, type Inside, type Nodes, newKey, record, sealed, stateOf } from './stored-sessions.ts'

/** How many times each race is run. */
const trials = Number(process.env.BATON_SESSION_TRIALS ?? 20)

/** What every store must do for users: remember their sessions, and end them all. */
export function describeOwners(nodes: () => Nodes, { listed }: Inside): void {
  describe('and its owners', () => {
    it('a session of an owner carries their epoch, which each log-out-everywhere raises', async () => {
      const [here, there] = nodes()
      const owner = newOwner()
      const epochs: number[] = []
      for (let i = 0; i < 3; i += 1) {
        const key = await login(i % 2 === 0 ? here : there, owner)
        epochs.push(Number((await there.load(key))!.fields.get('@e')?.toString() ?? 0))
        await here.destroyAllOf(owner)
      }
      expect(epochs[1]! > epochs[0]! && epochs[2]! > epochs[1]!).toBe(true)
    })

    it('ends all sessions of one owner, however they became theirs, and nobody else’s', async () => {
      const [here, there] = nodes()
      const [owner, other] = [newOwner(), newOwner()]
      const created = await login(here, owner)
      const rotated = newKey()
      const from = newKey()
      await there.create(from, record({ a: sealed(1) }), 60_000)
      await there.rotate({ ...rotation(from, rotated), set: new Map([['@p', Buffer.from('ann')]]), owner }, 60_000)
      const regenerated = newKey()
      await here.rotate({ ...rotation(await login(there, owner), regenerated), owner }, 60_000)
      const loggedOut = await login(here, owner)
      await there.destroy(loggedOut, owner)
      // By a request that did not know whose it was: still on the list.
      await there.destroy(await login(here, owner))
      const spared = [await login(here, other), newKey()]
      await here.create(spared[1]!, record({}), 60_000)

      expect(await there.destroyAllOf(owner)).toBe(3)
      expect(await statesOf(here, [created, rotated, regenerated])).toEqual(['dead', 'dead', 'dead'])
      expect(await statesOf(here, spared)).toEqual(['alive', 'alive'])
      for (const key of [created, rotated, regenerated]) {
        const left = (await here.load(key))!
        expect([...left.fields].map(String)).toEqual(['@x,k'])
        expect(left.ttlMs).toBeGreaterThan(590_000)
      }
      expect(await here.destroyAllOf(owner)).toBe(0)
      expect(await there.destroyAllOf(newOwner())).toBe(0)
    })

    it('what was killed is not revived by a late commit, update, touch or rotation', async () => {
      const [here, there] = nodes()
      const owner = newOwner()
      const key = await login(here, owner)
      await here.destroyAllOf(owner)
      const to = newKey()
      expect(await there.commit(key, { set: new Map([['.a', sealed(1)]]), remove: [] }, 60_000, { owner })).toBe(
        undefined,
      )
      expect(await there.update(key, { field: '.a', etag: '', value: sealed(1) }, 60_000)).toEqual({ outcome: 'dead' })
      await there.touch(key, 60_000, owner)
      expect(await there.rotate({ ...rotation(key, to), owner }, 60_000)).toBeUndefined()
      expect(await there.lock(key, 'holder', 60_000)).toBeUndefined()
      expect(await statesOf(here, [key, to])).toEqual(['dead', 'absent'])
      expect(await here.destroyAllOf(owner)).toBe(0)
    })

    it('spares the session that is excepted, which lives on and is found the next time', async () => {
      const [here, there] = nodes()
      const owner = newOwner()
      const [mine, elsewhere, moved] = [await login(here, owner), await login(there, owner), newKey()]
      expect(await here.destroyAllOf(owner, mine)).toBe(1)
      expect(await statesOf(there, [mine, elsewhere])).toEqual(['alive', 'dead'])
      expect(await there.commit(mine, { set: new Map([['.a', sealed(1)]]), remove: [] }, 60_000)).toBe(2)
      expect(asFields(await here.rotate({ ...rotation(mine, moved), owner }, 60_000)).has('.a')).toBe(true)
      expect(await stateOf(there, moved)).toBe('alive')
      expect(await there.destroyAllOf(owner)).toBe(1)
      expect(await stateOf(here, moved)).toBe('dead')
    })

    it('a session that all of several log-outs everywhere at once except lives on, and may get a new id', async () => {
      for (let trial = 0; trial < trials; trial += 1) {
        const [here, there] = nodes()
        const owner = newOwner()
        const [mine, moved] = [await login(here, owner), newKey()]
        await Promise.all([here, there, here, there].map((node) => node.destroyAllOf(owner, mine)))
        expect(asFields(await there.rotate({ ...rotation(mine, moved), owner }, 60_000)).has('.user')).toBe(true)
        expect(await statesOf(here, [mine, moved])).toEqual(['dead', 'alive'])
      }
    })

    it('who logs in after a log-out-everywhere stays logged in', async () => {
      const [here, there] = nodes()
      const owner = newOwner()
      await login(here, owner)
      await here.destroyAllOf(owner)
      const key = await login(there, owner)
      expect(await stateOf(here, key)).toBe('alive')
      expect(await here.destroyAllOf(owner)).toBe(1)
    })

    it('a log-out-everywhere in the midst of a login: the login either came after it, or is refused or undone', async () => {
      for (let trial = 0; trial < trials; trial += 1) {
        const [here, there] = nodes()
        const owner = newOwner()
        const [created, from, rotated] = [newKey(), newKey(), newKey()]
        await here.create(from, record({ a: sealed(1) }), 60_000)
        const set = new Map([['@p', Buffer.from('ann')]])
        const logins = [
          here.create(created, record({}), 60_000, owner),
          here.rotate({ ...rotation(from, rotated), set, owner }, 60_000),
        ]
        if (trial % 2 === 1) await sleep(Math.random() * 2)
        const killing = there.destroyAllOf(owner)
        const outcomes = await Promise.allSettled(logins)
        const ended = await killing
        const alive = (await statesOf(there, [created, rotated])).map((state) => state === 'alive')
        for (const [i, outcome] of outcomes.entries()) {
          if (outcome.status === 'fulfilled') continue
          expect(outcome.reason).toBeInstanceOf(SessionError)
          expect([outcome.reason.code, alive[i]]).toEqual(['session-gone', false])
        }
        // Who was told that they are logged in is, unless it was this log-out that ended it.
        const told = outcomes.filter(({ status }) => status === 'fulfilled').length
        const lost = told - alive.filter(Boolean).length
        expect(lost).toBeGreaterThanOrEqual(0)
        expect(lost).toBeLessThanOrEqual(ended)
        // And whoever is alive is found by the next one.
        expect(await here.destroyAllOf(owner)).toBe(alive.filter(Boolean).length)
        expect(await stateOf(here, from)).toBe('dead')
      }
    })

    it('a new id in the midst of a log-out-everywhere does not save a session from it', async () => {
      for (let trial = 0; trial < trials; trial += 1) {
        const [here, there] = nodes()
        const owner = newOwner()
        const [from, to] = [await login(here, owner), newKey()]
        // Without a principal in it, a rotation is no login: nobody has shown who they are.
        const [first, second] = trial % 2 === 0 ? [here, there] : [there, here]
        const killing = first.destroyAllOf(owner)
        if (trial % 4 > 1) await sleep(Math.random() * 2)
        await Promise.allSettled([killing, second.rotate({ ...rotation(from, to), owner }, 60_000)])
        expect((await statesOf(here, [from, to])).filter((state) => state === 'alive')).toEqual([])
      }
    })

    it('a log-out-everywhere in the midst of commits and touches leaves nothing alive', async () => {
      for (let trial = 0; trial < trials; trial += 1) {
        const [here, there] = nodes()
        const owner = newOwner()
        const key = await login(here, owner)
        const change = { set: new Map([['.a', sealed(trial)]]), remove: [] }
        await Promise.all([
          here.commit(key, change, 60_000, { owner }),
          there.destroyAllOf(owner),
          here.touch(key, 60_000, owner),
          here.update(key, { field: '.b', etag: '', value: sealed(1) }, 60_000),
          there.commit(key, change, 60_000),
        ])
        expect(await stateOf(here, key)).toBe('dead')
      }
    })

    it('finds sessions that live long after their login, kept alive by touches and commits', async () => {
      const [here, there] = nodes()
      const owner = newOwner()
      const touched = await login(here, owner, 400)
      await there.touch(touched, 60_000, owner)
      const committed = await login(here, owner, 400)
      await there.commit(committed, { set: new Map([['.a', sealed(1)]]), remove: [] }, 60_000, { owner })
      const lately = await login(here, owner, 1_000)
      // Prolonged, but by so little that the list is not told.
      await there.touch(lately, 60_000)
      await sleep(1_050)
      await login(there, owner, 400)
      const { entries } = await here.list({ owner })
      expect(entries.map(({ key }) => key)).toEqual(expect.arrayContaining([touched, committed, lately]))
      expect(await there.destroyAllOf(owner)).toBeGreaterThanOrEqual(3)
      expect(await statesOf(here, [touched, committed, lately])).toEqual(['dead', 'dead', 'dead'])
    })

    it.skipIf(listed === undefined)('forgets, in the list of an owner, what ended long ago', async () => {
      const [here, there] = nodes()
      const owner = newOwner()
      const ended = await login(here, owner, 400)
      const kept = await login(there, owner, 60_000)
      await here.touch(kept, 60_000, owner)
      expect([...(await listed!(owner))].sort()).toEqual([ended, kept].sort())
      const loggedOut = await login(here, owner, 60_000)
      await here.destroy(loggedOut, owner)
      expect(await listed!(owner)).not.toContain(loggedOut)
      const forgets = async () => {
        await login(there, owner, 400)
        return (await listed!(owner)).includes(ended)
      }
      await expect.poll(forgets, { timeout: 10_000, interval: 50 }).toBe(false)
      expect(await listed!(owner)).toContain(kept)
      expect(await here.destroyAllOf(owner)).toBeGreaterThanOrEqual(1)
      expect(await stateOf(there, kept)).toBe('dead')
    })
  })
}

function newOwner(): string {
  return newKey()
}

async function login(store: Nodes[number], owner: string, ttlMs = 60_000): Promise<string> {
  const key = newKey()
  await store.create(key, record({ user: sealed('ann') }), ttlMs, owner)
  return key
}

function rotation(from: string, to: string) {
  return { from, to, set: new Map<string, Buffer>(), remove: [], tombstone: `r:${to}`, keepAttributes: true }
}

function statesOf(store: Nodes[number], keys: readonly string[]): Promise<string[]> {
  return Promise.all(keys.map((key) => stateOf(store, key)))
}
