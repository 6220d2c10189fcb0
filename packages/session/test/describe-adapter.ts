import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hashOfId, newId } from '../src/id.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { unavailable } from '../src/stores/deadline.ts'
import { memoryStore } from '../src/stores/memory.ts'
import type { SessionStore } from '../src/stores/store.ts'
import type { AdapterApp } from './adapters/routes.ts'
import type { TestApp } from './app.ts'
import { browser } from './client.ts'

/** What every adapter owes: over real servers and sockets, in front of a store that a test may delay or break. */
export function describeAdapter(name: string, adapter: AdapterApp): void {
  describe(name, () => {
    const reported: Error[] = []
    /** What the store was asked, and what a test makes of it. */
    const calls: string[] = []
    let disturb: (method: string) => Promise<void> | undefined = () => undefined
    const memory = memoryStore({ namespace: 'test' })
    const store = watched(memory, (method) => {
      calls.push(method)
      return disturb(method)
    })
    let sessions: Sessions
    let app: TestApp

    beforeAll(async () => {
      const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
      sessions = createSessions({ store, timeouts, onError: (error) => reported.push(error) })
      app = await adapter.serve(sessions)
    })
    afterEach(() => {
      disturb = () => undefined
    })
    afterAll(async () => {
      await app.close()
      await sessions.close()
    })

    describe('a request', () => {
      it('without a session costs the store nothing, and gets no cookie', async () => {
        calls.length = 0
        const answer = await browser(app.origin).get('/read')
        expect([answer.status, answer.body, answer.setCookie]).toEqual([200, '{}', []])
        expect(calls).toEqual([])
      })

      it('that adds begins a session, beside the cookie of the app', async () => {
        const visitor = browser(app.origin)
        const answer = await visitor.get('/add?item=tea')
        expect(answer.setCookie.map((line) => line.split('=', 1)[0]).sort()).toEqual(['JSESSIONID', 'theme'])
        expect((await visitor.get('/read')).body).toBe('{"cart":["tea"]}')
      })

      it('that reads loads once and writes nothing; one that changes in place writes once', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        calls.length = 0
        await visitor.get('/read')
        expect(calls).toEqual(['load'])
        calls.length = 0
        await visitor.get('/add?item=jam')
        expect(calls).toEqual(['load', 'commit'])
        expect((await visitor.get('/read')).body).toBe('{"cart":["tea","jam"]}')
      })

      it('for what needs no session asks nothing', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        calls.length = 0
        expect((await visitor.get('/none')).body).toBe('none')
        expect(calls).toEqual([])
      })

      it('with an id that is not known is given another', async () => {
        const foreign = newId()
        const visitor = browser(app.origin, foreign)
        await visitor.get('/add?item=tea')
        expect(visitor.cookie).not.toBe(foreign)
        expect(await memory.load(hashOfId(foreign))).toBeUndefined()
      })

      it('logs in under a new id, and out', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        const before = visitor.cookie
        const answer = await visitor.get('/login?user=ann')
        expect([answer.status, answer.headers.location]).toEqual([303, '/me'])
        expect(visitor.cookie).not.toBe(before)
        expect((await visitor.get('/me')).body).toBe('ann')
        await visitor.get('/logout')
        expect(visitor.cookie).toBeUndefined()
      })
    })

    describe('before the first byte of the headers', () => {
      it.each([
        ['/add?item=tea', 200, 'added'],
        ['/login?user=ann', 303, undefined],
        ['/not-modified', 304, ''],
        ['/empty', 204, ''],
        ['/stream', 200, 'onetwo'],
        ['/sse', 200, 'onetwo'],
        ['/broken', 500, undefined],
      ])('%s is committed', async (path, status, body) => {
        let isCommitted = false
        disturb = async (method) => {
          if (method !== 'create') return
          await sleep(50)
          isCommitted = true
        }
        const [head] = await Promise.all([firstBytes(app.origin, path)])
        expect(isCommitted).toBe(true)
        expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
        expect(head.match(/^set-cookie: JSESSIONID=/gim)).toHaveLength(1)
        const answer = await browser(app.origin).get(path)
        expect(answer.status).toBe(status)
        if (body !== undefined) expect(answer.body).toBe(body)
      })

      it('HEAD commits like GET', async () => {
        const visitor = browser(app.origin)
        const answer = await visitor.send('HEAD', '/add?item=tea')
        expect([answer.status, answer.body]).toEqual([200, ''])
        expect((await visitor.get('/read')).body).toBe('{"cart":["tea"]}')
      })

      it('an error of the app commits once, what it had changed by then', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        calls.length = 0
        expect((await visitor.get('/broken')).status).toBe(500)
        expect(calls).toEqual(['load', 'commit'])
        expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ cart: ['tea'], seen: true })
      })
    })

    it.each(['/stream', '/sse'])('%s: what the body changes is committed before its last byte', async (path) => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      const answer = await visitor.get(path)
      expect([answer.status, answer.body]).toEqual([200, 'onetwo'])
      expect(JSON.parse((await visitor.get('/read')).body)).toEqual({ cart: ['tea'], steps: 2 })
    })

    it('what a body changed is committed when the client goes away', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      const socket = connect(Number(new URL(app.origin).port), '127.0.0.1')
      socket.write(`GET /hang HTTP/1.1\r\nHost: x\r\nCookie: JSESSIONID=${visitor.cookie}\r\n\r\n`)
      await once(socket, 'data')
      await sleep(60)
      socket.destroy()
      await expect.poll(async () => JSON.parse((await visitor.get('/read')).body).steps).toBe(2)
    })

    describe('while the store is away', () => {
      const away = () => Promise.reject(unavailable('the store is away'))
      const kept = [503, '1', []]

      it('a request is answered 503, with Retry-After and the cookie as it is', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        disturb = away
        const answer = await visitor.get('/read')
        expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual(kept)
        disturb = () => undefined
        expect((await visitor.get('/read')).body).toBe('{"cart":["tea"]}')
      })

      it.each(['/add?item=tea', '/login?user=ann', '/not-modified', '/empty', '/stream', '/sse'])(
        '%s is answered 503 when it cannot be committed, and nothing of the answer',
        async (path) => {
          disturb = (method) => (method === 'create' ? away() : undefined)
          const answer = await browser(app.origin).get(path)
          expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual(kept)
          expect(answer.headers.location).toBeUndefined()
          expect(answer.body).not.toMatch(/added|one/)
          expect(answer.body).toMatch(/session/)
        },
      )

      it('an optional route answers', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        expect((await visitor.get('/optional')).body).toBe('["tea"]')
        if (!adapter.marksAloneLoad) return
        disturb = away
        const answer = await visitor.get('/optional')
        expect([answer.status, answer.body, answer.setCookie]).toEqual([200, 'away', []])
      })
    })

    it('marked routes see the session', async () => {
      const visitor = browser(app.origin)
      await visitor.get('/add?item=tea')
      for (const path of ['/fresh', '/optional', '/stale-ok']) expect((await visitor.get(path)).body).toBe('["tea"]')
    })

    describe('loading lazily', () => {
      let lazy: TestApp
      beforeAll(async () => {
        lazy = await adapter.serveLazily(sessions)
      })
      afterAll(() => lazy.close())

      it('asks the store for nothing until the route does', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        const same = browser(lazy.origin, visitor.cookie)
        calls.length = 0
        expect((await same.get('/none')).body).toBe('none')
        expect(calls).toEqual([])
        expect((await same.get('/read')).body).toBe('{"cart":["tea"]}')
        expect(calls).toEqual(['load'])
      })

      it('says what to do where the session is asked for before', async () => {
        const visitor = browser(lazy.origin, newId())
        calls.length = 0
        const answer = await visitor.get('/add?item=tea')
        expect([answer.status, answer.setCookie.filter((line) => !line.startsWith('theme'))]).toEqual([500, []])
        expect(calls).toEqual([])
      })

      it('a marked route loads by itself, and an optional one answers while the store is away', async () => {
        const visitor = browser(app.origin)
        await visitor.get('/add?item=tea')
        const same = browser(lazy.origin, visitor.cookie)
        for (const path of ['/fresh', '/optional', '/stale-ok']) expect((await same.get(path)).body).toBe('["tea"]')
        disturb = () => Promise.reject(unavailable('the store is away'))
        const answer = await same.get('/optional')
        expect([answer.status, answer.body, answer.setCookie]).toEqual([200, 'away', []])
      })
    })
  })
}

/** The same store, each call announced to `before`, which may delay it or make it fail. */
export function watched(store: SessionStore, before: (method: string) => Promise<void> | undefined): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const method = Reflect.get(target, name) as ((...args: unknown[]) => Promise<unknown>) | undefined
      // Nothing at hand: every load is seen.
      if (method === undefined || name === 'peek') return undefined
      if (name === 'health') return method
      return async (...args: unknown[]) => {
        await before(String(name))
        return method(...args)
      }
    },
  })
}

/** What the first packet of an answer holds. */
async function firstBytes(origin: string, path: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  try {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    return bytes.toString('latin1')
  } finally {
    socket.destroy()
  }
}
