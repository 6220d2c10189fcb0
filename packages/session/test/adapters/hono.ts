import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { stream, streamSSE } from 'hono/streaming'
import { honoSession, type SessionVariables } from '../../src/hono.ts'
import type { Sessions } from '../../src/sessions.ts'
import { serve } from '../app.ts'
import { type AdapterApp, addToCart, cartOf, halves, type Shop } from './routes.ts'

type Env = { Variables: SessionVariables<Shop> }

/** Under @hono/node-server. */
export const honoApp: AdapterApp = {
  marksAloneLoad: false,

  serve: (sessions) => serve(getRequestListener(eager(sessions).fetch, { overrideGlobalObjects: true })),
  serveLazily: (sessions) => serve(getRequestListener(lazy(sessions).fetch)),
}

/** As on a runtime that knows nothing but Request and Response: behind a server that only turns one into the other. */
export const honoFetchApp: AdapterApp = {
  marksAloneLoad: false,

  serve: (sessions) => serve(viaFetch((request) => eager(sessions).fetch(request))),
  serveLazily: (sessions) => serve(viaFetch((request) => lazy(sessions).fetch(request))),
}

function eager(sessions: Sessions): Hono<Env> {
  const app = new Hono<Env>()
  app.get('/none', (c) => c.text('none'))
  app.use(honoSession<Shop>(sessions))
  app.get('/read', (c) => c.json(c.var.session))
  return routed(app, sessions)
}

function lazy(sessions: Sessions): Hono<Env> {
  const app = new Hono<Env>()
  app.use(honoSession<Shop>(sessions, { load: 'lazy' }))
  app.get('/none', (c) => c.text('none'))
  app.get('/read', async (c) => c.json(await c.var.loadSession()))
  return routed(app, sessions)
}

function routed(app: Hono<Env>, sessions: Sessions): Hono<Env> {
  app.get('/me', (c) => c.text(c.get('session').principal?.name ?? 'nobody'))
  app.get('/add', (c) => {
    addToCart(c.get('session'), c.req.query('item') ?? '')
    setCookie(c, 'theme', 'dark')
    return c.text('added')
  })
  app.get('/login', async (c) => {
    await c.get('session').login(c.req.query('user') ?? '')
    return c.redirect('/me', 303)
  })
  app.get('/logout', async (c) => {
    await c.get('session').destroy()
    return c.text('bye')
  })
  app.get('/not-modified', (c) => {
    c.get('session').seen = true
    return c.body(null, 304)
  })
  app.get('/empty', (c) => {
    c.get('session').seen = true
    return c.body(null, 204)
  })
  app.get('/stream', (c) =>
    stream(c, async (body) => {
      const session = c.get('session')
      session.steps = 1
      await body.write(halves[0])
      await body.sleep(20)
      session.steps = 2
      await body.write(halves[1])
    }),
  )
  app.get('/sse', (c) =>
    streamSSE(c, async (body) => {
      const session = c.get('session')
      session.steps = 1
      await body.write(halves[0])
      await body.sleep(20)
      session.steps = 2
      await body.write(halves[1])
    }),
  )
  app.get('/hang', (c) => {
    const session = c.get('session')
    return stream(c, async (body) => {
      await body.write(halves[0])
      await body.sleep(20)
      session.steps = 2
      await new Promise((resolve) => body.onAbort(() => resolve(undefined)))
    })
  })
  app.get('/broken', (c) => {
    c.get('session').seen = true
    throw new Error('broken on purpose')
  })
  for (const mode of ['fresh', 'optional', 'stale-ok'] as const) {
    app.get(`/${mode}`, honoSession<Shop>(sessions, { mode }), (c) => c.text(cartOf(c.get('session'))))
  }
  app.onError((error, c) => ('getResponse' in error ? error.getResponse() : c.text('app: error', 500)))
  return app
}

function viaFetch(answer: (request: Request) => Response | Promise<Response>) {
  return async (req: IncomingMessage, res: ServerResponse) => {
    const headers = new Headers(
      Object.entries(req.headersDistinct).flatMap(([name, values]) =>
        (values ?? []).map((value): [string, string] => [name, value]),
      ),
    )
    const response = await answer(
      new Request(`http://${req.headers.host}${req.url}`, { method: req.method ?? 'GET', headers }),
    )
    const cookies = response.headers.getSetCookie()
    const others = [...response.headers].filter(([name]) => name !== 'set-cookie')
    res.writeHead(response.status, {
      ...Object.fromEntries(others),
      ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
    })
    if (response.body === null) return res.end()
    const body = Readable.fromWeb(response.body)
    res.on('close', () => body.destroy())
    return body.on('error', () => res.destroy()).pipe(res)
  }
}
