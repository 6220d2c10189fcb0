import { stat } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { redisStore } from '../src/stores/redis.ts'
import { adapters, type Routes, serve, type TestApp } from './app.ts'
import { type Browser, browser } from './client.ts'
import { freePort, hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { type RespProxy, startRespProxy } from './resp-proxy.ts'

const routes: Routes = {
  '/read': (session, res) => res.end(JSON.stringify(session)),
  '/set': (session, res, req) => {
    session.value = req.url ?? ''
    res.end()
  },
  '/two': (session, res) => {
    session.a = 1
    session.b = { deep: true }
    delete session.value
    res.end()
  },
  '/count': async (session, res) => {
    await session.update('count', (count) => (typeof count === 'number' ? count : 0) + 1)
    res.end()
  },
  '/login': async (session, res) => {
    await session.login('ann', { roles: ['admin'] })
    res.end()
  },
  '/logout': async (session, res) => {
    await session.destroy()
    res.end()
  },
  '/who': (session, res) => res.end(session.principal?.name ?? 'nobody'),
}

describe.skipIf(!hasRedis)('Redis', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  describe('round trips', () => {
    let counter: RespProxy
    let sessions: Sessions
    let app: TestApp
    beforeAll(async () => {
      counter = await startRespProxy(redis.port)
      sessions = createSessions({ store: counter.url, timeouts: { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 } })
      app = await serve(adapters.express(sessions, routes))
      // Scripts are known from here on, and the connection stands.
      const first = browser(app.origin)
      for (const path of ['/set', '/login', '/count', '/logout']) await first.get(path)
    })
    afterAll(async () => {
      await app?.close()
      await sessions?.close()
      await counter?.close()
    })

    it('a visitor without a session costs none; create 1; read-only 1; write 1 more; login, update and logout 1 more', async () => {
      const visitor = browser(app.origin)
      const cost = async (path: string) => {
        counter.reset()
        expect((await visitor.get(path)).status).toBe(200)
        return [path, counter.roundTrips()]
      }
      const costs = []
      for (const path of [
        '/read',
        '/set',
        '/read',
        '/read',
        '/set?again',
        '/two',
        '/two',
        '/login',
        '/count',
        '/logout',
      ]) {
        costs.push(await cost(path))
      }
      expect(costs).toEqual([
        ['/read', 0],
        ['/set', 1],
        ['/read', 1],
        ['/read', 1],
        ['/set?again', 2],
        ['/two', 2],
        ['/two', 1],
        ['/login', 2],
        ['/count', 2],
        ['/logout', 2],
      ])
    })
  })

  describe('outages, with the default budgets', () => {
    let sessions: Sessions
    let app: TestApp
    beforeAll(async () => {
      sessions = createSessions({ store: redis.url, namespace: 'outage', onError: () => {} })
      app = await serve(adapters.express(sessions, routes))
      await untilOk(app)
    })
    afterAll(async () => {
      await app?.close()
      await sessions?.close()
    })

    it('frozen: 503 within the budget and the cookie kept; thawed: the user is still logged in', async () => {
      const visitor = await loggedIn(app)
      const { cookie } = visitor
      redis.freeze()
      for (let i = 0; i < 8; i += 1) {
        const startedAt = performance.now()
        const answer = await visitor.get(i % 2 === 0 ? '/who' : '/set')
        expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual([503, '1', []])
        expect(performance.now() - startedAt).toBeLessThan(900)
      }
      expect(visitor.cookie).toBe(cookie)
      redis.thaw()
      await expect.poll(async () => (await visitor.get('/who')).body, { timeout: 1_500, interval: 20 }).toBe('ann')
    })

    it('killed: 503 and the cookie kept; back: answers within 1 s', async () => {
      const visitor = await loggedIn(app)
      const { cookie } = visitor
      await redis.kill()
      const answer = await visitor.get('/who')
      expect([answer.status, answer.setCookie, visitor.cookie]).toEqual([503, [], cookie])
      await sleep(1_000)
      await redis.start()
      const startedAt = performance.now()
      await untilOk(app, cookie)
      expect(performance.now() - startedAt).toBeLessThan(1_000)
    })

    it('what failed while Redis was away is not sent later', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/set?first')
      redis.freeze()
      await visitor.get('/set?while-away')
      redis.thaw()
      await untilOk(app)
      await sleep(300)
      expect((await visitor.get('/read')).body).toBe('{"value":"/set?first"}')
    })

    it('a Redis that has forgotten its scripts is told them again', async () => {
      const admin = await createClient({ url: redis.url }).connect()
      await admin.scriptFlush()
      const visitor = browser(app.origin)
      expect((await visitor.get('/login')).status).toBe(200)
      expect((await visitor.get('/who')).body).toBe('ann')
      admin.destroy()
    })

    it('an error reply is not absence: a key of another type, a server out of memory', async () => {
      const admin = await createClient({ url: redis.url }).connect()
      const visitor = await loggedIn(app)
      await admin.configSet('maxmemory', '1')
      const full = await visitor.get('/set')
      await admin.configSet('maxmemory', '0')
      expect([full.status, full.setCookie]).toEqual([503, []])
      expect((await visitor.get('/who')).body).toBe('ann')
      for await (const keys of admin.scanIterator({ MATCH: 'outage:s:*' }))
        for (const key of keys) await admin.set(key, 'x')
      const odd = await visitor.get('/who')
      expect([odd.status, odd.setCookie]).toEqual([503, []])
      admin.destroy()
    })
  })

  it('a connection that has fallen silent is replaced, though it never closes', async () => {
    const proxy = await startRespProxy(redis.port)
    const sessions = createSessions({ store: proxy.url, namespace: 'silent', onError: () => {} })
    const app = await serve(adapters.express(sessions, routes))
    const visitor = await loggedIn(app)
    proxy.silence()
    expect((await visitor.get('/who')).status).toBe(503)
    const startedAt = performance.now()
    await untilOk(app, visitor.cookie)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect((await visitor.get('/who')).body).toBe('ann')
    await app.close()
    await sessions.close()
    await proxy.close()
  })

  it('a process that was busy beyond the budget finds the answer that came meanwhile', async () => {
    const store = redisStore({
      url: redis.url,
      namespace: 'busy',
      timeouts: { connectMs: 1_000, loadMs: 100, commitMs: 5_000 },
    })
    await store.create('key', new Map([['@c', Buffer.from('1')]]), 60_000)
    redis.freeze()
    const loading = store.load('key')
    // Sent by now. As in a request's handler, which runs where sockets are read: timers come next, sockets after them.
    await sleep(10)
    stat('.', () => {
      redis.thaw()
      const until = performance.now() + 200
      while (performance.now() < until);
    })
    expect((await loading)?.fields.size).toBe(1)
    await store.close()
  })

  it('an app may start before its Redis', async () => {
    const port = await freePort()
    const sessions = createSessions({ store: `redis://127.0.0.1:${port}`, onError: () => {} })
    const app = await serve(adapters.node(sessions, routes))
    const anonymous = await browser(app.origin).get('/read')
    expect(anonymous.status).toBe(200)
    expect((await browser(app.origin).get('/set')).status).toBe(503)
    await app.close()
    await sessions.close()
  })
})

/** The budgets are those of production, and a test machine may be busier: a login is tried until it succeeds. */
async function loggedIn(app: TestApp): Promise<Browser> {
  const visitor = browser(app.origin)
  while ((await visitor.get('/login')).status !== 200) await sleep(20)
  return visitor
}

/** Until a request that needs the store succeeds; the test's own timeout ends it otherwise. */
async function untilOk(app: TestApp, cookie?: string): Promise<void> {
  const path = cookie === undefined ? '/set' : '/who'
  while ((await browser(app.origin, cookie).get(path)).status !== 200) await sleep(20)
}
