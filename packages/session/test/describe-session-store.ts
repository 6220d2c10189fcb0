import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newRecord, readRecord } from '../src/format/record.ts'
import { encodeValue, etagOf, seal } from '../src/format/value.ts'
import { hashOfId, newId } from '../src/id.ts'
import type { SessionStore } from '../src/stores/store.ts'

/** What every store must do. `make` opens two connections to one store, as two nodes have. */
export function describeSessionStore(name: string, make: () => Promise<[SessionStore, SessionStore]>): void {
  describe(`${name}, as a session store`, () => {
    let here: SessionStore
    let there: SessionStore

    beforeAll(async () => {
      ;[here, there] = await make()
    })
    afterAll(() => Promise.all([here?.close(), there?.close()]))

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
      expect(await there.commit(key, { set: new Map([['.a', a]]), remove: ['.c', '.never'] }, 60_000)).toBe(true)
      const { fields, ttlMs } = (await here.load(key))!
      expect([fields.get('.a'), fields.get('.b'), fields.has('.c')]).toEqual([a, b, false])
      expect(fields.get('@v')?.toString()).toBe('2')
      expect(ttlMs).toBeGreaterThan(55_000)
    })

    it('two nodes that write distinct attributes lose nothing', async () => {
      const key = newKey()
      await here.create(key, record({}), 60_000)
      const names = Array.from({ length: 40 }, (_, i) => `.n${i}`)
      await Promise.all(
        names.map((field, i) =>
          [here, there][i % 2]!.commit(key, { set: new Map([[field, sealed(i)]]), remove: [] }, 60_000),
        ),
      )
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
        expect(await there.commit(key, { set: new Map([['.a', sealed(2)]]), remove: [] }, 60_000)).toBe(false)
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
      expect(await there.update(key, fromFirst, 60_000)).toEqual({ outcome: 'done' })
      expect(await here.update(key, fromFirst, 60_000)).toEqual({ outcome: 'conflict', value: second })
      expect(await here.update(key, { field: '.n', etag: etagOf(second), value: undefined }, 60_000)).toEqual({
        outcome: 'done',
      })
      const fromSecond = { field: '.n', etag: etagOf(second), value: first }
      expect(await here.update(key, fromSecond, 60_000)).toEqual({ outcome: 'conflict', value: undefined })
      expect(await here.update(key, { field: '.n', etag: '', value: first }, 60_000)).toEqual({ outcome: 'done' })
      expect((await there.load(key))!.fields.get('.n')).toEqual(first)
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
      expect([...moved!.keys()].sort()).toEqual(['.a', '.c', '@c', '@f', '@j.note', '@m', '@p', '@v'])
      expect(moved!.get('.c')).toEqual(byOther)
      expect(new Map([...(await there.load(to))!.fields].sort())).toEqual(new Map([...moved!].sort()))
      expect((await there.load(from))!.fields.get('@x')?.toString()).toBe(`r:${to}`)
    })

    it('rotate can leave attributes behind, and moves nothing that is dead', async () => {
      const [from, to, never] = [newKey(), newKey(), newKey()]
      await here.create(from, new Map([...record({ a: sealed(1) }), ['@j.note', Buffer.from('n')]]), 60_000)
      const set = new Map([['.new', sealed(2)]])
      const moved = await there.rotate({ from, to, set, remove: [], tombstone: 'r:x', keepAttributes: false }, 60_000)
      expect([...moved!.keys()].sort()).toEqual(['.new', '@c', '@f', '@m', '@v'])
      const again = { from, to: never, set, remove: [], tombstone: 'r:x', keepAttributes: true }
      expect(await here.rotate(again, 60_000)).toBeUndefined()
      expect(await here.load(never)).toBeUndefined()
    })

    it('touch extends the life, and idle sessions end', async () => {
      const [touched, idle] = [newKey(), newKey()]
      await here.create(touched, record({}), 150)
      await here.create(idle, record({}), 150)
      await there.touch(touched, 60_000)
      await expect.poll(() => here.load(idle), { timeout: 5_000 }).toBeUndefined()
      expect((await here.load(touched))!.ttlMs).toBeGreaterThan(50_000)
      expect(await there.commit(idle, { set: new Map([['.a', sealed(1)]]), remove: [] }, 60_000)).toBe(false)
    })
  })
}

export function newKey(): string {
  return hashOfId(newId())
}

export function sealed(value: unknown): Buffer {
  return seal(encodeValue(value))
}

export function record(attributes: Record<string, Buffer>): Map<string, Buffer> {
  const fields = newRecord({ createdAtMs: Date.now(), maxInactiveMs: 1_800_000 })
  for (const [name, bytes] of Object.entries(attributes)) fields.set(`.${name}`, bytes)
  return fields
}

async function stateOf(store: SessionStore, key: string): Promise<string> {
  const stored = await store.load(key)
  return stored === undefined ? 'absent' : readRecord(stored.fields, Date.now()).state
}
