import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nearCache } from '../src/stores/near-cache.ts'
import { makeTracking } from '../src/stores/near-cache-tracking.ts'
import { redisStore } from '../src/stores/redis.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { startFaultyNetwork } from './model-faults.ts'
import { randomOf } from './model-random.ts'
import { firstSeed, runModel } from './model-run.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'

const timeouts = { connectMs: 10_000, loadMs: 10_000, commitMs: 10_000 }
const namespace = 'model'

describe.skipIf(!hasRedis)('whatever three clients do at once, with sessions in Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  it('one step at a time explains it', async () => {
    await runModel({ schedules: 12_000, make: () => storeAt(redis.port) })
  }, 600_000)

  it('and a near cache, one step at a time explains it, but for what others wrote a moment ago', async () => {
    await runModel({ schedules: 9_000, make: () => cachedStoreAt(redis.port), isCached: true })
  }, 600_000)

  it.each([
    ['no near cache', false],
    ['a near cache', true],
  ])(
    'behind a network that loses connections, with %s, it is explained by what is known and what may have been',
    async (_, isCached) => {
      const network = await startFaultyNetwork(redis.port, { random: randomOf(firstSeed), everyMs: 40 })
      try {
        const make = () => (isCached ? cachedStoreAt(network.port) : storeAt(network.port))
        await runModel({ schedules: 1_500, make, isCached })
        expect(network.cuts()).toBeGreaterThan(3)
      } finally {
        await network.close()
      }
    },
    600_000,
  )

  describe('the model finds a near cache that', () => {
    it.each<[string, (port: number) => SessionStore]>([
      ['forgets what the client has written', forgetfulStoreAt],
      ['is deaf', deafStoreAt],
    ])(
      '%s',
      async (_, at) => {
        const network = await startFaultyNetwork(redis.port, { random: randomOf(firstSeed), everyMs: 3_600_000 })
        try {
          const run = runModel({ schedules: 8_000, make: () => at(network.port), isCached: true })
          await expect(run).rejects.toThrow(/(nothing explains|still sees)[\s\S]*BATON_SESSION_SEED/)
        } finally {
          await network.close()
        }
      },
      600_000,
    )
  })
})

/** It does not mind which version the client has seen. */
function forgetfulStoreAt(port: number): SessionStore {
  const store = cachedStoreAt(port)
  return { ...store, load: (key, want) => store.load(key, { fresh: want?.fresh === true }) }
}

/** Nobody tells it what others write. */
function deafStoreAt(port: number): SessionStore {
  const tracking = makeTracking()
  const store = redisStore({ url: `redis://127.0.0.1:${port}/0`, namespace, timeouts, tracking })
  return nearCache(store, { tracking: { ...tracking, listen() {} }, keyPrefix: `${namespace}:s:` })
}

function storeAt(port: number): SessionStore {
  return redisStore({ url: `redis://127.0.0.1:${port}/0`, namespace, timeouts })
}

function cachedStoreAt(port: number): SessionStore {
  const tracking = makeTracking()
  const store = redisStore({ url: `redis://127.0.0.1:${port}/0`, namespace, timeouts, tracking })
  return nearCache(store, { tracking, keyPrefix: `${namespace}:s:` })
}
