import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NearCacheOptions } from '../src/stores/near-cache.ts'
import { adminOf, type CachingNode, gone, orAgain, set, startCachingNode, valueIn } from './near-cache-node.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import type { Fate } from './resp-proxy.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

/** Writes of each fault, each followed by reads on both nodes. */
const trials = Number(process.env.BATON_NEAR_CACHE_TRIALS ?? 500)
const clients = 20
const maxAgeMs = 400

/** What becomes of invalidations, and whether a bystander must notice. */
const faults: [name: string, fate: () => Fate, bystanderNotices: boolean][] = [
  ['pass', () => [0], false],
  ['are delayed by up to 2 s', () => [Math.random() * 2_000], true],
  ['are dropped', () => [], true],
  ['come twice', () => [0, Math.random() * 50], false],
  ['overtake each other', () => [Math.random() * 20], true],
  ['find the connection lost', () => (Math.random() < 0.05 ? 'disconnect' : [0]), false],
]

describe.skipIf(!hasRedis)('who has written through one node reads no less on the other', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  it.each(faults)('while invalidations %s', async (_, fate, bystanderNotices) => {
    const nodes = await startTwo({ maxAgeMs })
    for (const { proxy } of nodes) proxy.onInvalidation(fate)
    const seen = { staleForTheWriter: 0, mixedUp: 0, staleForOthers: 0, olderThanAllowed: 0, failed: 0 }

    const client = async () => {
      const key = newKey()
      await orAgain(() => nodes[0].store.create(key, record({ a: sealed(1) }), 60_000))
      let written = 1
      let version = 1
      /** When each value was replaced. */
      const replacedAt = new Map<number, number>()
      for (let i = 0; i < trials / clients; i += 1) {
        const [here, there] = Math.random() < 0.5 ? nodes : [nodes[1], nodes[0]]
        const next = written + 1
        try {
          version = (await here.store.commit(key, set('a', next), 60_000))!
        } catch {
          // Stored or not: as after any 503, the client has been promised nothing.
          seen.failed += 1
          const found = await orAgain(() => here.store.load(key, { fresh: true }))
          version = Number(found!.fields.get('@v'))
          if (valueIn(found) !== next) continue
        }
        replacedAt.set(written, performance.now())
        written = next

        for (const node of [there, here, there]) {
          const askedAt = performance.now()
          const theirs = Number(valueIn(await orAgain(() => node.store.load(key))))
          if (theirs !== written) seen.staleForOthers += 1
          if (askedAt - (replacedAt.get(theirs) ?? askedAt) > maxAgeMs) seen.olderThanAllowed += 1
          const mine = await orAgain(() => node.store.load(key, { atLeast: version }))
          if (Number(mine!.fields.get('@v')) < version) seen.staleForTheWriter += 1
          if (valueIn(mine) !== written) seen.mixedUp += 1
        }
      }
    }
    await Promise.all(Array.from({ length: clients }, client))

    const { staleForOthers, failed, ...wrong } = seen
    expect(wrong).toEqual({ staleForTheWriter: 0, mixedUp: 0, olderThanAllowed: 0 })
    // The faults were felt, and the cache was in use.
    if (bystanderNotices) expect(staleForOthers).toBeGreaterThan(0)
    for (const { store } of nodes) expect(store.stats().hits).toBeGreaterThan(trials / 2)
    await Promise.all(nodes.map((node) => node.close()))
  })

  it('while Redis fails over to its replica', async () => {
    const replica = await startRedis()
    const [admin, newMaster] = [adminOf(redis), adminOf(replica)]
    await Promise.all([admin.connect(), newMaster.connect()])
    await admin.configSet('repl-diskless-sync-delay', '0')
    await newMaster.sendCommand(['REPLICAOF', '127.0.0.1', String(redis.port)])
    const nodes = await startTwo({})
    const sessions: { key: string; version: number }[] = []
    for (let i = 0; i < 50; i += 1) {
      const key = newKey()
      await nodes[0].store.create(key, record({ a: sealed(1) }), 60_000)
      for (const { store } of nodes) await store.load(key)
      sessions.push({ key, version: (await nodes[i % 2]!.store.commit(key, set('a', 2), 60_000))! })
    }
    const last = sessions.at(-1)!
    await expect.poll(async () => Number(await newMaster.hGet(`near:s:${last.key}`, '@v')), patience).toBe(last.version)

    await newMaster.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    for (const { proxy } of nodes) {
      proxy.retarget(replica.port)
      proxy.disconnect()
    }
    for (const node of nodes) await gone(node, last.key)
    for (const [i, { key, version }] of sessions.entries()) {
      const [there, here] = i % 2 === 0 ? nodes : [nodes[1], nodes[0]]
      expect(valueIn(await orAgain(() => there.store.load(key, { atLeast: version })))).toBe(2)
      const next = (await orAgain(() => here.store.commit(key, set('a', 3), 60_000)))!
      expect(valueIn(await orAgain(() => there.store.load(key, { atLeast: next })))).toBe(3)
    }
    await Promise.all(nodes.map((node) => node.close()))
    admin.destroy()
    newMaster.destroy()
    await replica.stop()
  })

  async function startTwo(options: Partial<NearCacheOptions>): Promise<[CachingNode, CachingNode]> {
    return [await startCachingNode(redis.port, options), await startCachingNode(redis.port, options)]
  }
})

const patience = { timeout: 5_000, interval: 10 }
