import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { redisStore } from '../src/stores/redis.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { adapters, type Routes, serve, type TestApp } from './app.ts'
import { type Browser, browser } from './client.ts'
import { startDelayingProxy } from './delaying-proxy.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { type Stalls, watchStalls } from './stalls.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

const timeouts = { connectMs: 1_000, loadMs: 250, commitMs: 500 }
/** A request that loads and commits, and what a busy machine may add. */
const longestMs = timeouts.loadMs + timeouts.commitMs + 150

const routes: Routes = {
  '/set': (session, res) => {
    session.value = Math.random()
    res.end()
  },
  '/login': async (session, res) => {
    await session.login('ann')
    res.end()
  },
  '/who': (session, res) => res.end(session.principal?.name ?? 'nobody'),
}

describe.skipIf(!hasRedis)('outages of Redis, with the default budgets', () => {
  let redis: TestRedis
  let stalls: Stalls
  beforeAll(async () => {
    // While it loads, it looks up after each kilobyte, and takes its time: half a millisecond for each key.
    const slowly = ['--key-load-delay', '500', '--loading-process-events-interval-bytes', '1024']
    redis = await startRedis({ args: ['--enable-debug-command', 'yes', ...slowly] })
  })
  afterAll(() => redis?.stop())
  beforeEach(() => {
    stalls = watchStalls()
    return () => stalls.stop()
  })

  describe('seen by a visitor', () => {
    let sessions: Sessions
    let app: TestApp
    let visitor: Browser
    beforeAll(async () => {
      sessions = createSessions({ store: redis.url, namespace: 'visit', onError: () => {} })
      app = await serve(adapters.express(sessions, routes))
    })
    afterAll(async () => {
      await app?.close()
      await sessions?.close()
    })
    beforeEach(async () => {
      visitor = browser(app.origin)
      while ((await visitor.get('/login')).status !== 200) await sleep(20)
    })

    it('LOADING: 503 and the cookie kept; once it has loaded, the user is logged in as before', async () => {
      await fill(redis, 1_500)
      await tell(redis, 'SAVE')
      await redis.kill()
      await redis.start()
      const refusals = await untilBack(() => isBack(redis))
      expect(refusals).toBeGreaterThan(0)
      await tell(redis, 'FLUSHALL')
    })

    it('READONLY: what is only read goes on, writes are 503 and the cookie kept', async () => {
      await tell(redis, 'REPLICAOF', '127.0.0.1', '1')
      await expect.poll(async () => (await visitor.get('/set')).status).toBe(503)
      for (let i = 0; i < 8; i += 1) {
        const [written, read] = [await visitor.get('/set'), await visitor.get('/who')]
        expect([written.status, written.setCookie, read.body]).toEqual([503, [], 'ann'])
      }
      await tell(redis, 'REPLICAOF', 'NO', 'ONE')
      await untilBack(async () => true, '/set')
    })

    it('2 s of latency: 503 within the budget, and then at once; a second after it has passed all is well', async () => {
      const target = { port: redis.port, delayMs: 0 }
      const proxy = await startDelayingProxy(target)
      const url = `redis://127.0.0.1:${proxy.port}`
      const distant = createSessions({ store: url, namespace: 'visit', onError: () => {} })
      const far = await serve(adapters.express(distant, routes))
      const { cookie } = visitor
      visitor = browser(far.origin, cookie)
      await expect.poll(async () => (await visitor.get('/who')).body).toBe('ann')
      target.delayMs = 2_000
      for (let i = 0; i < 12; i += 1) {
        const startedAt = performance.now()
        const answer = await visitor.get('/who')
        expect([answer.status, answer.setCookie]).toEqual([503, []])
        expect(performance.now() - startedAt).toBeLessThan((i < 6 ? longestMs : 100) + stalls.longestMs())
      }
      target.delayMs = 0
      await untilBack(async () => true)
      await far.close()
      await distant.close()
      await proxy.close()
    })

    /** Asks until all is well, which it must be within a second of `isWell`; gives how often the answer was 503. */
    async function untilBack(isWell: () => Promise<boolean>, path = '/who'): Promise<number> {
      const { cookie } = visitor
      let refusals = 0
      let wellAt = Number.POSITIVE_INFINITY
      const well = (async () => {
        while (!(await isWell())) await sleep(10)
        wellAt = performance.now()
      })()
      for (;;) {
        const startedAt = performance.now()
        const answer = await visitor.get(path)
        expect(performance.now() - startedAt).toBeLessThan(longestMs + stalls.longestMs())
        expect(answer.setCookie).toEqual([])
        if (answer.status === 200) break
        expect([answer.status, answer.headers['retry-after'], visitor.cookie]).toEqual([503, '1', cookie])
        expect(performance.now() - wellAt).toBeLessThan(1_000 + stalls.longestMs())
        refusals += 1
        await sleep(20)
      }
      await well
      expect((await visitor.get('/who')).body).toBe('ann')
      return refusals
    }
  })

  describe('seen by the store', () => {
    let store: SessionStore
    let key: string
    beforeEach(async () => {
      store = redisStore({ url: redis.url, namespace: 'outage', timeouts })
      key = newKey()
      await expect.poll(() => store.create(key, record({ a: sealed(1) }), 60_000).catch(String)).toBe(true)
      return () => store.close()
    })

    it('after some failures in a row it refuses at once, says that it is down, and comes back by itself', async () => {
      redis.freeze()
      const waits: number[] = []
      for (let i = 0; i < 10; i += 1) {
        const startedAt = performance.now()
        await expect(store.load(key)).rejects.toMatchObject({ code: 'session-unavailable' })
        waits.push(performance.now() - startedAt)
      }
      expect(Math.max(...waits.slice(0, 5))).toBeLessThan(timeouts.loadMs + 150 + stalls.longestMs())
      expect(Math.max(...waits.slice(5))).toBeLessThan(20 + stalls.longestMs())
      expect(store.health().state).toBe('down')
      redis.thaw()
      const thawedAt = performance.now()
      await expect.poll(() => store.health().state, { interval: 10 }).toBe('up')
      expect(performance.now() - thawedAt).toBeLessThan(1_000 + stalls.longestMs())
      expect((await store.load(key))?.fields.has('.a')).toBe(true)
    })

    it('one pause is one failure, however many calls it has met: those that come after it are served', async () => {
      redis.freeze()
      const met = await Promise.allSettled(Array.from({ length: 20 }, () => store.load(key)))
      expect(met.map(({ status }) => status)).toEqual(met.map(() => 'rejected'))
      expect(store.health().state).toBe('up')
      redis.thaw()
      expect((await store.load(key))?.fields.has('.a')).toBe(true)
    })

    it('a server that is frozen, cut off and busy by turns: what was acknowledged is there', async () => {
      const acknowledged: string[] = []
      let isOver = false
      const writers = Array.from({ length: 4 }, async (_, who) => {
        for (let i = 0; !isOver; i += 1) {
          const field = `.w${who}-${i}`
          const change = { set: new Map([[field, sealed(i)]]), remove: [] }
          const version = await store.commit(key, change, 60_000).catch(({ code }) => {
            expect(code).toBe('session-unavailable')
            return sleep(10)
          })
          if (typeof version === 'number') acknowledged.push(field)
        }
      })
      for (const trouble of [
        async () => {
          redis.freeze()
          await sleep(700)
          redis.thaw()
        },
        () => tell(redis, 'CLIENT', 'KILL', 'TYPE', 'normal'),
        () => tell(redis, 'DEBUG', 'SLEEP', '0.4'),
      ]) {
        const before = acknowledged.length
        await trouble()
        await expect.poll(() => acknowledged.length, { timeout: 5_000 }).toBeGreaterThan(before + 20)
      }
      isOver = true
      await Promise.all(writers)
      const { fields } = (await store.load(key))!
      expect(acknowledged.filter((field) => !fields.has(field))).toEqual([])
    })

    it('a connection that is lost during a load is made again, and the load sent again', async () => {
      const patient = redisStore({ url: redis.url, namespace: 'outage', timeouts: { ...timeouts, loadMs: 5_000 } })
      for (let i = 0; i < 5; i += 1) {
        const loads = Array.from({ length: 20 }, () => patient.load(key))
        const [, ...stored] = await Promise.all([tell(redis, 'CLIENT', 'KILL', 'TYPE', 'normal'), ...loads])
        expect(stored.every((one) => one?.fields.has('.a'))).toBe(true)
      }
      await patient.close()
    })

    it('out of memory: nothing grows, everything can be read and ended', async () => {
      await tell(redis, 'CONFIG', 'SET', 'maxmemory', '1')
      for (let i = 0; i < 8; i += 1) {
        const writing = store.commit(key, { set: new Map([['.b', sealed(2)]]), remove: [] }, 60_000)
        await expect(writing).rejects.toMatchObject({ code: 'session-unavailable' })
        expect([...(await store.load(key))!.fields.keys()]).not.toContain('.b')
      }
      await tell(redis, 'CONFIG', 'SET', 'maxmemory', '0')
      expect(await store.commit(key, { set: new Map([['.b', sealed(2)]]), remove: [] }, 60_000)).toBe(2)
    })

    it('scripts that were forgotten are sent again, with what was sent along with them', async () => {
      const rotation = {
        set: new Map([['@p', Buffer.from('ann')]]),
        remove: [],
        tombstone: 'r:x',
        keepAttributes: true,
      }
      const to = newKey()
      await tell(redis, 'SCRIPT', 'FLUSH')
      expect(await store.rotate({ ...rotation, from: key, to, owner: 'ann' }, 60_000)).toBeInstanceOf(Map)
      await tell(redis, 'SCRIPT', 'FLUSH')
      const change = { set: new Map([['.b', sealed(2)]]), remove: [] }
      expect(await store.commit(to, change, 60_000, { owner: 'ann' })).toBe(3)
      await tell(redis, 'SCRIPT', 'FLUSH')
      expect(await store.destroyAllOf('ann')).toBe(1)
    })
  })
})

async function tell<T>(redis: TestRedis, ...command: string[]): Promise<T> {
  const admin = createClient({ url: redis.url, socket: { reconnectStrategy: false } })
  admin.on('error', () => {})
  await admin.connect()
  try {
    return await admin.sendCommand<T>(command)
  } finally {
    admin.destroy()
  }
}

async function fill(redis: TestRedis, count: number): Promise<void> {
  const admin = await createClient({ url: redis.url }).connect()
  await Promise.all(Array.from({ length: count }, (_, i) => admin.set(`filler:${i}`, 'x'.repeat(50))))
  admin.destroy()
}

async function isBack(redis: TestRedis): Promise<boolean> {
  return tell(redis, 'PING').then(
    () => true,
    () => false,
  )
}
