import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisStore } from '../src/stores/redis.ts'
import { slotOf } from '../src/stores/redis-slots.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { describeSessionStore } from './describe-session-store.ts'
import { startCluster, type TestCluster } from './redis-cluster.ts'
import { hasRedis } from './redis-server.ts'
import { watchStalls } from './stalls.ts'
import { asFields, newKey, record, sealed, stateOf } from './stored-sessions.ts'

const patient = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
const budgets = { connectMs: 1_000, loadMs: 250, commitMs: 500 }

describe('slots', () => {
  it('are those of the specification', () => {
    expect([slotOf('123456789'), slotOf('foo'), slotOf('{user1000}.following'), slotOf('foo{}{bar}')]).toEqual([
      12739, 12182, 3443, 8363,
    ])
  })
})

describe.skipIf(!hasRedis)('a Redis Cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster({ withReplica: true })
  }, 40_000)
  afterAll(() => cluster?.stop())

  describeSessionStore('Redis Cluster', async () => {
    const options = { url: cluster.url, namespace: 'test', timeouts: patient }
    return [redisStore(options), redisStore(options)]
  })

  describe('in motion', () => {
    let store: SessionStore
    const keyOn = (master: number) => {
      for (;;) {
        const key = newKey()
        if (cluster.ownerOf(`move:s:${key}`) === master) return key
      }
    }
    beforeAll(async () => {
      store = redisStore({ url: cluster.url, namespace: 'move', timeouts: patient })
      await store.create(newKey(), record({}), 60_000)
    })
    afterAll(() => store?.close())

    it('a rotation from one server to another loses nothing that is committed meanwhile', async () => {
      for (let trial = 0; trial < 40; trial += 1) {
        const [from, to] = [keyOn(trial % 3), keyOn((trial + 1) % 3)]
        await store.create(from, record({}), 60_000)
        const rotating = store.rotate(
          {
            from,
            to,
            set: new Map([['@p', Buffer.from('ann')]]),
            remove: [],
            tombstone: `r:${to}`,
            keepAttributes: true,
          },
          60_000,
        )
        const committed = await Promise.all(
          Array.from({ length: 6 }, async (_, i) => {
            await sleep(i / 3)
            const version = await store.commit(from, { set: new Map([[`.n${i}`, sealed(i)]]), remove: [] }, 60_000)
            return version === undefined ? [] : [`.n${i}`]
          }),
        )
        const moved = asFields(await rotating)
        expect(committed.flat().filter((field) => !moved.has(field))).toEqual([])
        expect([await stateOf(store, from), await stateOf(store, to)]).toEqual(['dead', 'alive'])
      }
    })

    it('a logout during a rotation ends both, or came too late for the old one', async () => {
      for (let trial = 0; trial < 40; trial += 1) {
        const [from, to] = [keyOn(0), keyOn(1)]
        await store.create(from, record({}), 60_000)
        const rotation = { from, to, set: new Map(), remove: [], tombstone: `r:${to}`, keepAttributes: true }
        const [moved, wasAlive] = await Promise.all([
          store.rotate(rotation, 60_000),
          sleep((trial % 4) / 4).then(() => store.destroy(from)),
        ])
        expect(await stateOf(store, from)).toBe('dead')
        if (moved === undefined) expect([wasAlive, await stateOf(store, to)]).toEqual([true, 'absent'])
        else expect([wasAlive, await stateOf(store, to)]).toEqual([false, 'alive'])
      }
    })

    it('a slot that moves while it is written and read: every call succeeds, nothing is lost', async () => {
      const key = keyOn(1)
      const name = `move:s:${key}`
      const slot = String(slotOf(name))
      const [, from, to] = cluster.masters
      const [fromId, toId] = [
        await cluster.tell<string>(from!, 'CLUSTER', 'MYID'),
        await cluster.tell<string>(to!, 'CLUSTER', 'MYID'),
      ]
      await store.create(key, record({}), 60_000)
      let isMoving = true
      let writes = 0
      const other = redisStore({ url: cluster.url, namespace: 'move', timeouts: patient })
      const traffic = [store, other].map(async (node, who) => {
        for (let i = 0; isMoving; i += 1) {
          const field = `.w${who}-${i}`
          expect(await node.commit(key, { set: new Map([[field, sealed(i)]]), remove: [] }, 60_000)).toBeGreaterThan(0)
          writes += 1
          const stored = await node.load(key)
          expect(stored?.fields.has(field)).toBe(true)
          const update = { field: `${field}!`, etag: '', value: sealed(i) }
          expect((await node.update(key, update, 60_000)).outcome).toBe('done')
        }
      })
      await cluster.tell(to!, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
      await cluster.tell(from!, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
      await sleep(50)
      await cluster.tell(from!, 'MIGRATE', '127.0.0.1', String(to!.port), name, '0', '1000')
      await sleep(100)
      expect((await store.load(key))?.fields.has('@c')).toBe(true)
      for (const master of [to!, from!, cluster.masters[0]!]) {
        await cluster.tell(master, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId)
      }
      await sleep(50)
      isMoving = false
      await Promise.all(traffic)
      const { fields } = (await other.load(key))!
      expect([...fields.keys()].filter((field) => /^\.w\d-\d+$/.test(field)).length).toBe(writes)
      await other.close()
    })

    it('a rotation that gets stuck half way leaves the old session as it was, and nothing that anybody could use', async () => {
      const quick = redisStore({ url: cluster.url, namespace: 'move', timeouts: budgets })
      const [from, to] = [keyOn(1), keyOn(2)]
      await expect.poll(() => quick.create(from, record({ a: sealed(1) }), 60_000).catch(String)).toBe(true)
      await quick.load(to)
      const before = await quick.load(from)
      cluster.masters[2]!.freeze()
      const rotation = {
        from,
        to,
        set: new Map([['@p', Buffer.from('ann')]]),
        remove: [],
        tombstone: `r:${to}`,
        keepAttributes: true,
      }
      await expect(quick.rotate(rotation, 60_000)).rejects.toMatchObject({ code: 'session-unavailable' })
      cluster.masters[2]!.thaw()
      await expect
        .poll(() => quick.load(from).catch(String), { timeout: 10_000 })
        .toMatchObject({ fields: before!.fields })
      const moved = asFields(await store.rotate({ ...rotation, to: keyOn(0) }, 60_000))
      expect([moved.get('.a'), await stateOf(store, from)]).toEqual([before!.fields.get('.a'), 'dead'])
      await quick.close()
    })

    it('a master that is killed: its sessions are 503 until its replica has taken over, the others go on', async () => {
      const quick = redisStore({ url: cluster.url, namespace: 'move', timeouts: budgets })
      const [lost, kept] = [keyOn(0), keyOn(1)]
      await expect.poll(() => quick.create(lost, record({ a: sealed(1) }), 60_000).catch(String)).toBe(true)
      await quick.create(kept, record({}), 60_000)
      await cluster.tell(cluster.masters[0]!, 'WAIT', '1', '1000')
      await cluster.masters[0]!.kill()
      const failedAt = performance.now()
      const stalls = watchStalls()
      let slowest = 0
      let tookOverAt = 0
      while (tookOverAt === 0) {
        const startedAt = performance.now()
        const answer = await quick.load(lost).then(
          (stored) => stored?.fields.has('.a'),
          ({ code }) => code,
        )
        slowest = Math.max(slowest, performance.now() - startedAt)
        expect([true, 'session-unavailable']).toContain(answer)
        if (answer === true) tookOverAt = performance.now()
        expect(performance.now() - failedAt).toBeLessThan(20_000)
        await sleep(20)
      }
      stalls.stop()
      expect(slowest).toBeLessThan(900 + stalls.longestMs())
      expect((await quick.load(kept))?.fields.has('@c')).toBe(true)
      await expect.poll(() => quick.health().state, { timeout: 5_000 }).toBe('up')
      await quick.close()
    })
  })
})
