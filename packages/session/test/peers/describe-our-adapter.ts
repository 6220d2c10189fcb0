import { afterEach, describe, expect, it } from 'vitest'
import { hashOfId, newId } from '../../src/id.ts'
import { createSessions, type SessionsOptions } from '../../src/sessions.ts'
import { unavailable } from '../../src/stores/deadline.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { TestApp } from '../app.ts'
import { type OurAdapter, type OurHandler, type OurRoutes, ourAdapters } from './our-adapters.ts'
import { visitor } from './visitor.ts'
import { watchedStore } from './watched-store.ts'

/** What the tests of the peers expect, by our own adapter: where it differs, the name of the test says how. */
export function describeOurAdapter(adapter: OurAdapter): void {
  describe(`our adapter for ${adapter}, where its peer has a test`, () => {
    const closing: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const close of closing.splice(0)) await close()
    })

    it('keeps what a session holds, for each browser its own', async () => {
      const { origin } = await start({ '/': count })
      const [one, other] = [visitor(origin), visitor(origin)]
      const bodies = [await one.get('/'), await one.get('/'), await other.get('/')].map(({ body }) => body)
      expect(bodies).toEqual(['1', '2', '1'])
    })

    it('gives no cookie to who holds nothing, whether the session is looked at or not', async () => {
      const { origin, calls } = await start({ '/': () => 'hello', '/read': read })
      expect((await visitor(origin).get('/')).setCookies).toEqual([])
      expect((await visitor(origin).get('/read')).setCookies).toEqual([])
      expect(calls).toEqual([])
    })

    it('sets its cookie once: what changes later, or only lives on, needs none', async () => {
      const { origin } = await start({ '/': count, '/read': read })
      const client = visitor(origin)
      const first = await client.get('/')
      expect(first.cookie('JSESSIONID')).toEqual({
        value: expect.stringMatching(/^[\w-]{32}$/),
        path: '/',
        httponly: '',
        samesite: 'Lax',
      })
      expect([...(await client.get('/')).setCookies, ...(await client.get('/read')).setCookies]).toEqual([])
    })

    it('writes nothing for a request that changes nothing, and writes what changed in depth', async () => {
      const { origin, calls } = await start({ '/': count, '/read': read, '/deep': deepen })
      const client = visitor(origin)
      await client.get('/')
      await client.get('/deep')
      calls.length = 0
      await client.get('/read')
      expect(calls).toEqual(['load'])
      await client.get('/deep')
      expect((await client.get('/read')).body).toBe('{"n":1,"user":{"cookie":["oats","oats"]}}')
    })

    it('an id that is unknown or odd begins nothing, and its cookie is left alone', async () => {
      const { origin, inner } = await start({ '/read': read, '/': count })
      for (const id of [newId(), 'short', 'a%2Fb', '']) {
        const client = visitor(origin, [['JSESSIONID', id]])
        expect((await client.get('/read')).setCookies).toEqual([])
        expect((await client.get('/')).body).toBe('1')
        expect(client.jar.get('JSESSIONID')).not.toBe(id)
        expect(await inner.load(hashOfId(id))).toBeUndefined()
      }
    })

    it('forgets a session that nobody used for its interval, which the app may set for each', async () => {
      const { origin, inner } = await start({
        '/': count,
        '/short': ({ session }) => {
          session.maxInactiveInterval = 1
          return String(session.maxInactiveInterval)
        },
      })
      const client = visitor(origin)
      await client.get('/')
      const [first] = [client.jar.get('JSESSIONID')]
      await client.get('/short')
      await expect.poll(() => inner.count(), { timeout: 5_000 }).toBe(0)
      expect((await client.get('/')).body).toBe('1')
      expect(client.jar.get('JSESSIONID')).not.toBe(first)
    })

    it('has the attributes to enumerate, and nothing else: no cookie object, no methods', async () => {
      const { origin } = await start({
        '/': ({ session }) => {
          session.a = 1
          session.cookie = 'mine'
          return Object.keys(session).join()
        },
      })
      const client = visitor(origin)
      await client.get('/')
      expect((await client.get('/')).body).toBe('a,cookie')
    })

    it('a name that is a method’s is refused, and has its own way in', async () => {
      const { origin } = await start({
        '/': ({ session }) => {
          expect(() => Object.assign(session, { save: 'nope' })).toThrow(/session.set\('save'/)
          session.set('save', 'yes')
          return JSON.stringify([typeof session.save, session.get('save')])
        },
      })
      expect((await visitor(origin).get('/')).body).toBe('["function","yes"]')
    })

    it('has stored the session before the first byte of the answer', async () => {
      const { origin, watched } = await start({ '/': count })
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      watched.disturb = (method) => (method === 'create' ? held : undefined)
      let answered = false
      const answer = visitor(origin)
        .get('/')
        .finally(() => {
          answered = true
        })
      await expect.poll(() => watched.calls).toContain('create')
      expect(answered).toBe(false)
      release()
      expect((await answer).cookie('JSESSIONID')).toBeDefined()
    })

    it('stores what was assigned before the app failed', async () => {
      const { origin } = await start({
        '/fail': ({ session }) => {
          session.a = 1
          throw new Error('on purpose')
        },
        '/read': read,
      })
      const client = visitor(origin)
      const failed = await client.get('/fail')
      expect([failed.status, failed.cookie('JSESSIONID')?.httponly]).toEqual([500, ''])
      expect((await client.get('/read')).body).toBe('{"a":1}')
    })

    it('is ended by destroy, with its cookie, not by assigning null in its place', async () => {
      const { origin } = await start({
        '/': count,
        '/null': (holder) => {
          Object.assign(holder, { session: null })
          return 'done'
        },
        '/destroy': async ({ session }) => {
          await session.destroy()
          return JSON.stringify(session)
        },
      })
      const client = visitor(origin)
      await client.get('/')
      // Express takes it, Fastify and Koa refuse.
      expect((await client.get('/null')).setCookies).toEqual([])
      expect((await client.get('/')).body).toBe('2')
      const ended = await client.get('/destroy')
      expect([ended.body, ended.cookie('JSESSIONID')?.['max-age']]).toEqual(['{}', '0'])
      expect((await client.get('/')).body).toBe('1')
    })

    it('regenerate: a new id, and everything kept; the old id is dead', async () => {
      const { origin } = await start({
        '/': count,
        '/anew': async ({ session }) => {
          await session.regenerate()
          return JSON.stringify(session)
        },
        '/read': read,
      })
      const client = visitor(origin)
      await client.get('/')
      const old = visitor(origin, client.jar)
      expect((await client.get('/anew')).body).toBe('{"n":1}')
      expect(client.jar.get('JSESSIONID')).not.toBe(old.jar.get('JSESSIONID'))
      expect((await client.get('/read')).body).toBe('{"n":1}')
      expect((await old.get('/read')).body).toBe('{}')
    })

    it('reload: what the store has, and what was assigned since is gone; it fails where the session has ended', async () => {
      const { origin, inner } = await start({
        '/': count,
        '/reload': async ({ session }, query) => {
          session.mine = 1
          if (query.has('end')) await inner.destroy(query.get('end') ?? '')
          await session.reload()
          return JSON.stringify(session)
        },
      })
      const client = visitor(origin)
      await client.get('/')
      expect((await client.get('/reload')).body).toBe('{"n":1}')
      const key = hashOfId(client.jar.get('JSESSIONID') ?? '')
      expect((await client.get(`/reload?end=${key}`)).status).toBe(409)
    })

    it('save: has saved when it is done, and leaves nothing to save at the end', async () => {
      const { origin, calls, inner } = await start({
        '/': async ({ session }) => {
          session.hit = true
          await session.save()
          return String(await inner.count())
        },
      })
      expect((await visitor(origin).get('/')).body).toBe('1')
      expect(calls).toEqual(['create'])
    })

    it('takes callbacks as well, as express-session does', async () => {
      const { origin } = await start({
        '/': ({ session }) =>
          new Promise((resolve) => {
            session.a = 1
            session.save((error) => {
              session.a = 2
              session.reload(() => session.destroy(() => resolve(JSON.stringify([error ?? null, session]))))
            })
          }),
      })
      expect((await visitor(origin).get('/')).body).toBe('[null,{}]')
    })

    it('hands an error of the store to the framework: 503 with Retry-After, and the session is there when it is back', async () => {
      const { origin, watched } = await start({ '/': count })
      const client = visitor(origin)
      await client.get('/')
      for (const method of ['load', 'commit']) {
        watched.disturb = (name) => (name === method ? Promise.reject(unavailable('gone')) : undefined)
        const answer = await client.get('/')
        expect([method, answer.status, answer.setCookies]).toEqual([method, 503, []])
        expect(answer.headers.get('retry-after')).toBe('1')
      }
      watched.disturb = () => undefined
      expect((await client.get('/')).body).toBe('2')
    })

    it('has the cookie that was asked for, Secure as the trusted proxy says', async () => {
      const cookie = { name: 'sid', path: '/shop', domain: 'example.org', sameSite: 'strict' } as const
      const https = { 'x-forwarded-proto': 'https, http' }
      const trusting = await start({ '/': count }, { cookie, trustProxy: true })
      const attributes = { value: expect.any(String), path: '/shop', domain: 'example.org', samesite: 'Strict' }
      const [secure, plain] = [await visitor(trusting.origin).get('/', https), await visitor(trusting.origin).get('/')]
      expect(secure.cookie('sid')).toEqual({ ...attributes, httponly: '', secure: '' })
      expect(plain.cookie('sid')).toEqual({ ...attributes, httponly: '' })
      const wary = await start({ '/': count })
      expect((await visitor(wary.origin).get('/', https)).cookie('JSESSIONID')).not.toHaveProperty('secure')
    })

    async function start(routes: OurRoutes, options: SessionsOptions = {}) {
      const inner = memoryStore()
      const watched = watchedStore(inner)
      const sessions = createSessions({ store: watched.store, onError: () => {}, ...options })
      const app: TestApp = await ourAdapters[adapter](sessions, routes)
      closing.push(app.close, sessions.close)
      return { origin: app.origin, inner, watched, calls: watched.calls }
    }
  })
}

const count: OurHandler = ({ session }) => {
  session.n = Number(session.n ?? 0) + 1
  return String(session.n)
}

const read: OurHandler = ({ session }) => JSON.stringify(session)

const deepen: OurHandler = ({ session }) => {
  session.user ??= { cookie: [] }
  ;(session.user as { cookie: string[] }).cookie.push('oats')
  return 'done'
}
