import { describe, expect, it } from 'vitest'
import type { Listed, SessionStore } from '../src/stores/store.ts'
import { type Nodes, newKey, record, sealed } from './stored-sessions.ts'

/** What every store must do for operators. */
export function describeListing(nodes: () => Nodes): void {
  describe('and its listing', () => {
    it('counts the sessions that are alive', async () => {
      const [here, there] = nodes()
      const before = await there.count()
      const keys = await several(here, 5)
      expect(await there.count()).toBe(before + 5)
      await here.destroy(keys[0]!)
      await here.rotate(
        { from: keys[1]!, to: newKey(), set: new Map(), remove: [], tombstone: 'r:x', keepAttributes: true },
        60_000,
      )
      expect(await there.count()).toBe(before + 4)
    })

    it('lists them, page after page, each with its meta fields and its size, and no attribute', async () => {
      const [here, there] = nodes()
      const keys = await several(here, 7)
      const [dead, big] = [keys.pop()!, newKey()]
      await there.destroy(dead)
      const fields = record({ ü: Buffer.alloc(2_000) })
      await here.create(big, fields, 30_000)

      const entries = await allPages(there, { limit: 3 })
      const found = new Map(entries.map((entry) => [entry.key, entry]))
      expect(keys.filter((key) => !found.has(key))).toEqual([])
      expect(found.has(dead)).toBe(false)
      for (const { meta } of entries) {
        expect([...meta.keys()].filter((name) => !name.startsWith('@'))).toEqual([])
        expect(meta.has('@c')).toBe(true)
      }
      const entry = found.get(big)!
      expect([...entry.meta].sort()).toEqual([...fields].filter(([name]) => name.startsWith('@')).sort())
      let bytes = 0
      for (const [name, value] of fields) bytes += Buffer.byteLength(name) + value.length
      expect(entry.bytes).toBe(bytes)
      expect(entry.ttlMs).toBeGreaterThan(25_000)
      expect(entry.ttlMs).toBeLessThanOrEqual(30_000)
    })

    it('lists those of one owner', async () => {
      const [here, there] = nodes()
      const [owner, other] = [newKey(), newKey()]
      const keys = await several(here, 5, owner)
      await several(here, 2, other)
      await several(here, 2)
      await there.destroy(keys.pop()!)
      const entries = await allPages(there, { owner, limit: 2 })
      expect(entries.map(({ key }) => key).sort()).toEqual(keys.sort())
      expect(entries.every(({ meta, ttlMs, bytes }) => meta.has('@c') && ttlMs > 0 && bytes > 0)).toBe(true)
      await here.destroyAllOf(owner)
      expect(await allPages(there, { owner })).toEqual([])
    })
  })
}

async function several(store: SessionStore, count: number, owner?: string): Promise<string[]> {
  const keys = Array.from({ length: count }, () => newKey())
  await Promise.all(keys.map((key) => store.create(key, record({ a: sealed(1) }), 60_000, owner)))
  return keys
}

async function allPages(store: SessionStore, more: { owner?: string; limit?: number }): Promise<Listed[]> {
  const entries: Listed[] = []
  let cursor: string | undefined
  do {
    const page = await store.list({ ...more, ...(cursor === undefined ? {} : { cursor }) })
    entries.push(...page.entries)
    cursor = page.cursor
  } while (cursor !== undefined)
  return entries
}
