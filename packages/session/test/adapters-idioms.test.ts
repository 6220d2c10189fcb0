import { setTimeout as sleep } from 'node:timers/promises'
import compression from 'compression'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import type { HTTPException } from 'hono/http-exception'
import Koa from 'koa'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { expressSession } from '../src/express.ts'
import { fastifySession } from '../src/fastify.ts'
import { honoSession, type SessionVariables } from '../src/hono.ts'
import { koaSession } from '../src/koa.ts'
import { nodeSession } from '../src/node.ts'
import { createSessions } from '../src/sessions.ts'
import { unavailable } from '../src/stores/deadline.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { listen } from './adapters/fastify.ts'
import { serve, type TestApp } from './app.ts'
import { browser } from './client.ts'
import { watched } from './describe-adapter.ts'

/** What is particular to one framework. */
describe('adapters', () => {
  const reported: Error[] = []
  const calls: string[] = []
  let disturb: (method: string) => Promise<void> | undefined = () => undefined
  const store = watched(memoryStore(), (method) => {
    calls.push(method)
    return disturb(method)
  })
  const sessions = createSessions({ store, onError: (error) => reported.push(error) })
  const away = () => Promise.reject(unavailable('the store is away'))
  let running: TestApp | undefined

  afterEach(async () => {
    disturb = () => undefined
    reported.length = 0
    await running?.close()
  })

  describe('node:http', () => {
    it('an answer whose last commit fails ends all the same, and the failure is reported once', async () => {
      running = await serve(
        nodeSession(sessions, (req, res) => {
          res.write('one')
          req.session.late = true
          res.end('two')
        }),
      )
      const answer = await browser(running.origin).get('/')
      expect([answer.body, answer.setCookie]).toEqual(['onetwo', []])
      expect(reported.map((error) => (error as { code?: string }).code)).toEqual(['session-too-late'])
    })

    it('the lock of a session is given back when the answer has left, also to a client that went away', async () => {
      running = await serve(
        nodeSession(sessions, async (req, res) => {
          req.session.user ??= 'ann'
          await req.session.save()
          await req.session.lock({ waitMs: 2_000 })
          if (req.url === '/leave') return res.write('locked')
          return res.end('locked')
        }),
      )
      const visitor = browser(running.origin)
      await visitor.get('/')
      const leaving = new AbortController()
      const left = fetch(`${running.origin}/leave`, {
        headers: { cookie: `JSESSIONID=${visitor.cookie}` },
        signal: leaving.signal,
      })
      await left
      leaving.abort()
      expect((await visitor.get('/')).body).toBe('locked')
    })
  })

  describe('express', () => {
    it('fresh on a route behind an eager app loads again, and keeps what was changed before', async () => {
      const app = express()
      app.use(expressSession(sessions))
      app.use((req, _res, next) => {
        req.session.hits = Number(req.session.hits ?? 0) + 1
        next()
      })
      app.get('/pay', expressSession(sessions, { mode: 'fresh' }), (req, res) => void res.json(req.session))
      app.get('/', (req, res) => void res.json(req.session))
      running = await serve(app)
      const visitor = browser(running.origin)
      await visitor.get('/')
      calls.length = 0
      expect((await visitor.get('/pay')).body).toBe('{"hits":2}')
      expect(calls).toEqual(['load', 'commit', 'load'])
    })

    it.each(['before', 'behind'])('commits before the first byte with compression %s it', async (place) => {
      const app = express()
      const compress = compression({ threshold: 0 })
      for (const use of place === 'before'
        ? [compress, expressSession(sessions)]
        : [expressSession(sessions), compress]) {
        app.use(use as express.RequestHandler)
      }
      app.get('/', (req, res) => {
        req.session.n = Number(req.session.n ?? 0) + 1
        res.type('text').send(`visit ${req.session.n} `.repeat(1_000))
      })
      app.get('/stream', (req, res) => {
        req.session.n = 'streamed'
        res.type('text').write('a'.repeat(50_000))
        res.end('b'.repeat(50_000))
      })
      running = await serve(app)
      const { origin } = running
      let cookie = ''
      const get = async (path: string) => {
        const answer = await fetch(`${origin}${path}`, { headers: { cookie, 'accept-encoding': 'gzip' } })
        cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
        return [answer.headers.get('content-encoding'), (await answer.text()).slice(0, 8)]
      }
      expect(await get('/')).toEqual(['gzip', 'visit 1 '])
      expect(cookie).toMatch(/^JSESSIONID=/)
      calls.length = 0
      expect(await get('/')).toEqual(['gzip', 'visit 2 '])
      expect(calls).toEqual(['load', 'commit'])
      expect(await get('/stream')).toEqual(['gzip', 'aaaaaaaa'])
      disturb = (called) => (called === 'commit' ? away() : undefined)
      const refused = await fetch(`${origin}/`, { headers: { cookie, 'accept-encoding': 'gzip' } })
      expect([refused.status, await refused.text()]).toEqual([503, expect.stringMatching(/^Your session cannot/)])
    })

    it('errors of the store go to the error handler of the app, as any other', async () => {
      const app = express()
      app.use(expressSession(sessions))
      const seen: unknown[] = []
      app.use((error: { code: string }, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
        seen.push(error.code)
        res.send('our own page')
      })
      running = await serve(app)
      disturb = away
      const answer = await browser(running.origin, 'x'.repeat(32)).get('/')
      expect([answer.status, answer.headers['retry-after'], answer.body]).toEqual([503, '1', 'our own page'])
      expect(seen).toEqual(['session-unavailable'])
    })

    it('a koa app within it shares its session', async () => {
      const inner = new Koa()
      inner.use(koaSession(sessions))
      inner.use((ctx) => {
        ctx.session.inner = true
        ctx.body = 'inner'
      })
      const app = express()
      app.use(expressSession(sessions))
      app.get('/read', (req, res) => void res.json(req.session))
      app.use((req, _res, next) => {
        req.session.outer = true
        next()
      })
      app.use(inner.callback())
      running = await serve(app)
      const visitor = browser(running.origin)
      calls.length = 0
      expect((await visitor.get('/')).setCookie).toHaveLength(1)
      expect(calls).toEqual(['create'])
      expect((await visitor.get('/read')).body).toBe('{"outer":true,"inner":true}')
    })
  })

  describe('fastify', () => {
    it('is there for plugins, child instances, and the page for what is not found', async () => {
      const app = fastify()
      app.register(fastifySession, { sessions })
      app.register(async (child) => {
        child.get('/child', (request) => {
          request.session.child = true
          return 'child'
        })
      })
      app.setNotFoundHandler((request, reply) => reply.code(404).send(request.session))
      running = await listen(app)
      const visitor = browser(running.origin)
      await visitor.get('/child')
      const answer = await visitor.get('/nowhere')
      expect([answer.status, answer.body]).toEqual([404, '{"child":true}'])
    })

    it('what a later onSend hook changes is committed as well', async () => {
      const app = fastify()
      app.register(fastifySession, { sessions })
      app.addHook('onSend', async (request) => {
        if (request.url === '/') request.session.sent = true
      })
      app.get('/', () => 'sent')
      app.get('/read', (request) => request.session)
      running = await listen(app)
      const visitor = browser(running.origin)
      expect((await visitor.get('/')).setCookie).toHaveLength(1)
      expect((await visitor.get('/read')).body).toBe('{"sent":true}')
    })

    it.each(['load', 'create'])('without an error handler of the app answers 503 as any error: %s', async (method) => {
      const app = fastify()
      app.register(fastifySession, { sessions })
      app.get('/', (request, reply) => {
        request.session.a = 1
        return reply.header('location', '/elsewhere').send('never')
      })
      running = await listen(app)
      disturb = (called) => (called === method ? away() : undefined)
      const answer = await browser(running.origin, method === 'load' ? 'x'.repeat(32) : undefined).get('/')
      expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual([503, '1', []])
      expect(answer.headers.location).toBeUndefined()
      // What went wrong, such as the store's address, is for the log.
      expect(JSON.parse(answer.body)).toMatchObject({
        statusCode: 503,
        code: 'session-unavailable',
        message: expect.stringMatching(/^Your session cannot be reached at the moment/),
      })
    })

    it('an injected request works as one from a socket', async () => {
      const app = fastify()
      app.register(fastifySession, { sessions })
      app.get('/', (request) => {
        request.session.a = 1
        return 'done'
      })
      const answer = await app.inject('/')
      expect([answer.statusCode, answer.body, answer.cookies.map(({ name }) => name)]).toEqual([
        200,
        'done',
        ['JSESSIONID'],
      ])
      await app.close()
    })

    it('a route without a session says so when it is asked for', async () => {
      const app = fastify()
      app.register(fastifySession, { sessions })
      app.get('/', { config: { session: false } }, (request) => request.session)
      running = await listen(app)
      const answer = await browser(running.origin).get('/')
      expect(JSON.parse(answer.body)).toMatchObject({ statusCode: 500, code: 'session-not-loaded' })
    })

    it('knows what its requests hold', () => {
      const app = fastify()
      app.get('/', { config: { session: 'fresh' } }, (request) => {
        expectTypeOf(request.session.login).returns.resolves.toBeVoid()
        expectTypeOf(request.session.principal?.name).toEqualTypeOf<string | undefined>()
      })
      // @ts-expect-error: no such mark
      app.get('/wrong', { config: { session: 'frish' } }, () => '')
    })
  })

  describe('koa', () => {
    it('without an error handler of the app answers 503 with Retry-After', async () => {
      const app = new Koa()
      app.silent = true
      app.use(koaSession(sessions))
      app.use((ctx) => {
        expectTypeOf(ctx.session.login).returns.resolves.toBeVoid()
        ctx.session.a = 1
        ctx.redirect('/elsewhere')
      })
      running = await serve(app.callback())
      disturb = away
      for (const cookie of [undefined, 'x'.repeat(32)]) {
        const answer = await browser(running.origin, cookie).get('/')
        expect([answer.status, answer.headers['retry-after'], answer.setCookie]).toEqual([503, '1', []])
        expect(answer.headers.location).toBeUndefined()
      }
    })

    it('an app that answers by itself commits before its headers', async () => {
      const app = new Koa()
      app.use(koaSession(sessions))
      app.use(async (ctx) => {
        ctx.respond = false
        ctx.session.a = 1
        await sleep(5)
        ctx.res.writeHead(200)
        ctx.res.end('raw')
      })
      running = await serve(app.callback())
      const answer = await browser(running.origin).get('/')
      expect([answer.body, answer.setCookie.length]).toEqual(['raw', 1])
    })
  })

  describe('hono', () => {
    it('throws what app.onError knows, with the cause', async () => {
      const app = new Hono<{ Variables: SessionVariables }>()
      app.use(honoSession(sessions))
      app.get('/', (c) => {
        c.var.session.a = 1
        return c.text('never', 200, { 'content-length': '5' })
      })
      const seen: unknown[] = []
      app.onError((error) => {
        seen.push((error.cause as { code?: string }).code)
        return (error as HTTPException).getResponse()
      })
      disturb = away
      const answer = await app.request('/')
      expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('set-cookie')]).toEqual([
        503,
        '1',
        null,
      ])
      expect(await answer.text()).toMatch(/^Your session cannot be reached/)
      expect(seen).toEqual(['session-unavailable'])
    })

    it('answers a failing login by itself', async () => {
      const app = new Hono<{ Variables: SessionVariables }>()
      app.use(honoSession(sessions))
      app.get('/', async (c) => {
        await c.get('session').login('ann')
        return c.text('in')
      })
      disturb = away
      const answer = await app.request('/')
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    })

    it('leaves a body that is a string as it is, and commits at the end of a stream that is read to its end', async () => {
      const app = new Hono<{ Variables: SessionVariables<{ steps?: number }> }>()
      app.use(honoSession<{ steps?: number }>(sessions))
      app.get('/text', (c) => {
        c.get('session').steps = 1
        return c.text('text')
      })
      app.get('/stream', (c) => {
        const session = c.get('session')
        expectTypeOf(session.steps).toEqualTypeOf<number | undefined>()
        let part = 0
        const body = new ReadableStream({
          pull(controller) {
            part += 1
            session.steps = part
            if (part < 3) controller.enqueue(new TextEncoder().encode(`${part}`))
            else controller.close()
          },
        })
        return new Response(body)
      })
      app.get('/read', (c) => c.json(c.var.session))
      const begun = await app.request('/text')
      const cookie = begun.headers.get('set-cookie')!.split(';')[0]!
      expect(await (await app.request('/stream', { headers: { cookie } })).text()).toBe('12')
      expect(await (await app.request('/read', { headers: { cookie } })).text()).toBe('{"steps":3}')
      const read = (await app.request('/stream', { headers: { cookie } })).body!.getReader()
      await read.read()
      await read.cancel()
      expect(JSON.parse(await (await app.request('/read', { headers: { cookie } })).text()).steps).toBeLessThan(3)
    })

    it('marks the cookie Secure on an https URL', async () => {
      const app = new Hono<{ Variables: SessionVariables }>()
      app.use(honoSession(sessions))
      app.get('/', (c) => {
        c.var.session.a = 1
        return c.text('done')
      })
      expect((await app.request('https://shop.example/')).headers.get('set-cookie')).toMatch(/; Secure/)
    })
  })
})
