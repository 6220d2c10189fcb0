import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisStore } from '../src/stores/redis.ts'
import { describeSessionStore } from './describe-session-store.ts'
import { startSentinels, type TestSentinels } from './redis-sentinels.ts'
import { hasRedis } from './redis-server.ts'
import { watchStalls } from './stalls.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

describe.skipIf(!hasRedis)('Sentinel', () => {
  let sentinels: TestSentinels
  beforeAll(async () => {
    sentinels = await startSentinels()
  }, 40_000)
  afterAll(() => sentinels?.stop())

  describeSessionStore('Redis behind Sentinel', async () => {
    const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
    const options = { url: sentinels.url, namespace: 'test', timeouts }
    return [redisStore(options), redisStore(options)]
  })

  it('a failover: no call hangs, none finds a session gone, and a second after its sentinels name the new master all is well', async () => {
    const timeouts = { connectMs: 1_000, loadMs: 250, commitMs: 500 }
    const store = redisStore({ url: sentinels.url, namespace: 'failover', timeouts })
    const key = newKey()
    await expect.poll(() => store.create(key, record({ a: sealed(1) }), 60_000).catch(String)).toBe(true)
    const admin = await createClient({ url: sentinels.first.url }).connect()
    await admin.sendCommand(['WAIT', '1', '1000'])
    admin.destroy()

    // Frozen, so that every connection to it stays: the hardest way for a master to go.
    sentinels.first.freeze()
    const promoted = sentinels.hasNamed(sentinels.second).then(() => performance.now())
    const stalls = watchStalls()
    let slowest = 0
    let backAt = 0
    while (backAt === 0) {
      const startedAt = performance.now()
      const answer = await store.commit(key, { set: new Map([['.b', sealed(2)]]), remove: [] }, 60_000).then(
        (version) => (version === undefined ? 'dead' : 'written'),
        ({ code }) => code,
      )
      slowest = Math.max(slowest, performance.now() - startedAt)
      expect(['written', 'session-unavailable']).toContain(answer)
      if (answer === 'written') backAt = performance.now()
      await sleep(20)
    }
    expect(backAt - (await promoted)).toBeLessThan(1_000 + stalls.longestMs())
    stalls.stop()
    expect(slowest).toBeLessThan(900 + stalls.longestMs())
    expect((await store.load(key))?.fields.has('.a')).toBe(true)

    // The old master comes back, as a replica of the new one: nobody writes to it.
    sentinels.first.thaw()
    await sleep(1_500)
    const version = await store.commit(key, { set: new Map([['.c', sealed(3)]]), remove: [] }, 60_000)
    expect(version).toBeGreaterThan(1)
    await store.close()
  }, 40_000)
})
