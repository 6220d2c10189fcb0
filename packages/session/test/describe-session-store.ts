import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { etagOf } from '../src/format/value.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { describeListing } from './describe-listing.ts'
import { describeLocks } from './describe-locks.ts'
import { describeOwners } from './describe-owners.ts'
import { asFields, type Inside, type Nodes, newKey, record, sealed, stateOf } from './stored-sessions.ts'

/** What every store must do. `make` opens two connections to one store, as two nodes have. */
export function describeSessionStore(name: string, make: () => Promise<Nodes>, inside: Inside = {}): void {
  describe(`${name}, as a session store`, () => {
    let here: SessionStore
    let there: SessionStore

    beforeAll(async () => {
      ;[here, there] = await make()
    })
    afterAll(() => Promise.all([here?.close(), there?.close()]))

    describeOwners(() => [here, there], inside)
    describeLocks(() => [here, there])
    describeListing(() => [here, there])

    it('gives back on one node, byte for byte, what another has created', async () => {
      const key = newKey()
      const fields = record({ cart: Buffer.from([0, 13, 10, 255]), 'a name: ü.@': sealed('x'), '': sealed('y') })
      expect(await here.create(key, fields, 60_000)).toBe(true)
      const loaded = await there.load(key)
      expect(new Map([...loaded!.fields].sort())).toEqual(new Map([...fields].sort()))
      expect(loaded!.ttlMs).toBeGreaterThan(55_000)
      expect(loaded!.ttlMs).toBeLessThanOrEqual(60_000)
    })

    it('loads nothing where nothing is', async () => {
      expect(await here.load(newKey())).toBeUndefined()
    })

    it('refuses to create what exists, alive or dead', async () => {
      const key = newKey()
      await here.create(key, record({ a: sealed(1) }), 60_000)
      expect(await there.create(key, record({ a: sealed(2) }), 60_000)).toBe(false)
      await here.destroy(key)
      expect(await there.create(key, record({ a: sealed(3) }), 60_000)).toBe(false)
      expect(await stateOf(here, key)).toBe('dead')
    })

    it('commits what changed, removes what is removed, leaves the rest, counts the version and extends its life', async () => {
      const key = newKey()
      const b = sealed('kept')
      await here.create(key, record({ a: sealed(1), b, c: sealed(3) }), 5_000)
      const a = sealed(2)
      expect(await there.commit(key, { set: new Map([['.a', a]]), remove: ['.c', '.never'] }, 60_000)).toBe(2)
      const { fields, ttlMs } = (await here.load(key))!
      expect([fields.get('.a'), fields.get('.b'), fields.has('.c')]).toEqual([a, b, false])
      expect(fields.get('@v')?.toString()).toBe('2')
      expect(ttlMs).toBeGreaterThan(55_000)
    })

    it('two nodes that write distinct attributes lose nothing', async () => {
      const key = newKey()
      await here.create(key, record({}), 60_000)
      const names = Array.from({ length: 40 }, (_, i) => `.n${i}`)
      const versions = await Promise.all(
        names.map((field, i) =>
          [here, there][i % 2]!.commit(key, { set: new Map([[field, sealed(i)]]), remove: [] }, 60_000),
        ),
      )
      expect(new Set(versions)).toEqual(new Set(names.map((_, i) => i + 2)))
      const { fields } = (await here.load(key))!
      expect(names.filter((field) => !fields.has(field))).toEqual([])
      expect(fields.get('@v')?.toString()).toBe('41')
    })

    it('a late commit revives nothing: not what was destroyed, not what never was', async () => {
      for (const prepare of [
        async (key: string) => {
          await here.create(key, record({ a: sealed(1) }), 60_000)
          await here.destroy(key)
        },
        async () => {},
      ]) {
        const key = newKey()
        await prepare(key)
        expect(await there.commit(key, { set: new Map([['.a', sealed(2)]]), remove: [] }, 60_000)).toBeUndefined()
        await there.touch(key, 60_000)
        expect(await there.update(key, { field: '.a', etag: '', value: sealed(1) }, 60_000)).toEqual({
          outcome: 'dead',
        })
        expect(['dead', 'absent']).toContain(await stateOf(here, key))
      }
    })

    it('updates one field only from the value it was read as, and gives the current one otherwise', async () => {
      const key = newKey()
      const first = sealed(1)
      const second = sealed(2)
      await here.create(key, record({ n: first }), 60_000)
      const fromFirst = { field: '.n', etag: etagOf(first), value: second }
      expect(await there.update(key, fromFirst, 60_000)).toEqual({ outcome: 'done', version: 2 })
      expect(await here.update(key, fromFirst, 60_000)).toEqual({ outcome: 'conflict', value: second })
      expect(await here.update(key, { field: '.n', etag: etagOf(second), value: undefined }, 60_000)).toEqual({
        outcome: 'done',
        version: 3,
      })
      const fromSecond = { field: '.n', etag: etagOf(second), value: first }
      expect(await here.update(key, fromSecond, 60_000)).toEqual({ outcome: 'conflict', value: undefined })
      expect(await here.update(key, { field: '.n', etag: '', value: first }, 60_000)).toEqual({
        outcome: 'done',
        version: 4,
      })
      const { fields } = (await there.load(key))!
      expect([fields.get('.n'), fields.get('@v')?.toString()]).toEqual([first, '4'])
    })

    it('destroy says whether it ended something, and leaves a tombstone', async () => {
      const key = newKey()
      expect(await here.destroy(key)).toBe(false)
      await here.create(newKey(), record({}), 60_000)
      const alive = newKey()
      await here.create(alive, record({ a: sealed(1) }), 60_000)
      expect(await there.destroy(alive)).toBe(true)
      expect(await here.destroy(alive)).toBe(false)
      const left = (await here.load(alive))!
      expect([...left.fields.keys()]).toEqual(['@x'])
      expect(left.ttlMs).toBeGreaterThan(590_000)
    })

    it('rotate moves what the store has now, with the change, and leaves a tombstone that names the new key', async () => {
      const [from, to] = [newKey(), newKey()]
      await here.create(
        from,
        new Map([...record({ a: sealed(1), b: sealed(2) }), ['@j.note', Buffer.from('n')]]),
        60_000,
      )
      const byOther = sealed('written since')
      await there.commit(from, { set: new Map([['.c', byOther]]), remove: [] }, 60_000)
      const change = { set: new Map([['@p', Buffer.from('ann')]]), remove: ['.b'] }
      const moved = await here.rotate({ from, to, ...change, tombstone: `r:${to}`, keepAttributes: true }, 60_000)
      const fields = asFields(moved)
      expect([...fields.keys()].sort()).toEqual(['.a', '.c', '@c', '@f', '@j.note', '@m', '@p', '@v'])
      expect([fields.get('.c'), fields.get('@v')?.toString()]).toEqual([byOther, '3'])
      expect(new Map([...(await there.load(to))!.fields].sort())).toEqual(new Map([...fields].sort()))
      expect((await there.load(from))!.fields.get('@x')?.toString()).toBe(`r:${to}`)
    })

    it('rotate can leave attributes behind, and moves nothing that is dead', async () => {
      const [from, to, never] = [newKey(), newKey(), newKey()]
      await here.create(from, new Map([...record({ a: sealed(1) }), ['@j.note', Buffer.from('n')]]), 60_000)
      const set = new Map([['.new', sealed(2)]])
      const moved = await there.rotate({ from, to, set, remove: [], tombstone: 'r:x', keepAttributes: false }, 60_000)
      expect([...asFields(moved).keys()].sort()).toEqual(['.new', '@c', '@f', '@m', '@v'])
      const again = { from, to: never, set, remove: [], tombstone: 'r:x', keepAttributes: true }
      expect(await here.rotate(again, 60_000)).toBeUndefined()
      expect(await here.load(never)).toBeUndefined()
    })

    it('rotates from the version that was read, and otherwise not at all', async () => {
      const [from, to] = [newKey(), newKey()]
      await here.create(from, record({ a: sealed(1) }), 60_000)
      await there.commit(from, { set: new Map([['.b', sealed(2)]]), remove: [] }, 60_000)
      const rotation = { from, to, set: new Map(), remove: [], tombstone: `r:${to}`, keepAttributes: true }
      expect(await here.rotate({ ...rotation, ifVersion: 1 }, 60_000)).toBe('conflict')
      expect([await stateOf(here, from), await stateOf(here, to)]).toEqual(['alive', 'absent'])
      const moved = asFields(await here.rotate({ ...rotation, ifVersion: 2 }, 60_000))
      expect(moved.has('.b')).toBe(true)
      expect([await stateOf(there, from), await stateOf(there, to)]).toEqual(['dead', 'alive'])
      expect(await here.rotate({ ...rotation, to: newKey(), ifVersion: 2 }, 60_000)).toBeUndefined()
    })

    it('two nodes that rotate the same session: one does, and the other is told that it is dead', async () => {
      for (let trial = 0; trial < 10; trial += 1) {
        const [from, one, two] = [newKey(), newKey(), newKey()]
        await here.create(from, record({ a: sealed(1) }), 60_000)
        const rotation = { from, set: new Map(), remove: [], tombstone: 'r:x', keepAttributes: true }
        const moved = await Promise.all([
          here.rotate({ ...rotation, to: one }, 60_000),
          there.rotate({ ...rotation, to: two }, 60_000),
        ])
        expect(moved.filter((fields) => fields !== undefined)).toHaveLength(1)
        const states = [await stateOf(here, one), await stateOf(here, two)]
        expect(states.sort()).toEqual(['absent', 'alive'])
      }
    })

    it('takes what a reader needs to know of caches, and says that it is up', async () => {
      const key = newKey()
      await here.create(key, record({ a: sealed(1) }), 60_000)
      const stored = await there.load(key, { fresh: true, atLeast: 1, staleOk: true })
      expect(stored?.fields.has('.a')).toBe(true)
      const { state, sinceMs } = there.health()
      expect(state).toBe('up')
      expect(sinceMs).toBeGreaterThanOrEqual(0)
      expect(sinceMs).toBeLessThan(600_000)
    })

    it('touch extends the life, and idle sessions end', async () => {
      const [touched, idle] = [newKey(), newKey()]
      await here.create(touched, record({}), 150)
      await here.create(idle, record({}), 150)
      await there.touch(touched, 60_000)
      await expect.poll(() => here.load(idle), { timeout: 5_000 }).toBeUndefined()
      expect((await here.load(touched))!.ttlMs).toBeGreaterThan(50_000)
      expect(await there.commit(idle, { set: new Map([['.a', sealed(1)]]), remove: [] }, 60_000)).toBeUndefined()
    })
  })
}

export { newKey, record, sealed } from './stored-sessions.ts'
