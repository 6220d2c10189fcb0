import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisStore } from '../src/stores/redis.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

const timeouts = { connectMs: 1_000, loadMs: 250, commitMs: 250 }

describe.skipIf(!hasRedis)('a process that is too busy for its sockets for longer than a budget', () => {
  let redis: TestRedis
  let store: SessionStore
  const key = newKey()
  beforeAll(async () => {
    redis = await startRedis()
    store = redisStore({ url: redis.url, namespace: 'stalls', timeouts })
    await store.create(key, record({ a: sealed(1) }), 60_000)
  })
  afterAll(async () => {
    await store?.close()
    await redis?.stop()
  })

  it('before the command has left: Redis still has its time', async () => {
    for (let i = 0; i < 2; i += 1) {
      const load = store.load(key)
      const commit = store.commit(key, { set: new Map([['.a', sealed(i)]]), remove: [] }, 60_000)
      stay(400)
      expect((await load)?.fields.size).toBeGreaterThan(3)
      expect(await commit).toBeGreaterThan(1)
    }
  })

  it('while the answer lies in the socket: it is read', async () => {
    for (let i = 0; i < 2; i += 1) {
      const load = store.load(key)
      // By then the command has left, and its answer has not been looked for.
      await new Promise((resolve) => setImmediate(resolve))
      stay(400)
      expect((await load)?.fields.size).toBeGreaterThan(3)
    }
  })

  it('again and again, with little time in between', async () => {
    const load = store.load(key)
    const sixStays = new Promise<void>((resolve) => {
      let left = 6
      const next = () => {
        stay(100)
        left -= 1
        if (left === 0) resolve()
        else setImmediate(next)
      }
      next()
    })
    expect((await load)?.fields.size).toBeGreaterThan(3)
    await sixStays
  })

  it('a Redis that stands still is given its budget besides, and no more', async () => {
    redis.freeze()
    const startedAt = performance.now()
    const load = store.load(key)
    stay(400)
    await expect(load).rejects.toMatchObject({ code: 'session-unavailable' })
    expect(performance.now() - startedAt).toBeGreaterThan(550)
    // What a busy machine may add.
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    redis.thaw()
  })
})

function stay(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
