import { PassThrough } from 'node:stream'
import Koa, { type Context } from 'koa'
import { koaSession } from '../../src/koa.ts'
import type { Sessions } from '../../src/sessions.ts'
import { serve } from '../app.ts'
import { type AdapterApp, addToCart, cartOf, halves } from './routes.ts'

type Route = (ctx: Context) => unknown

export const koaApp: AdapterApp = {
  marksAloneLoad: false,

  serve(sessions) {
    const app = new Koa()
    answerErrors(app)
    app.use((ctx, next) => (ctx.path === '/none' ? answerNone(ctx) : next()))
    app.use(koaSession(sessions))
    route(app, sessions, {
      ...routes,
      '/read': (ctx) => {
        ctx.body = ctx.session.toJSON()
      },
    })
    return serve(app.callback())
  },

  serveLazily(sessions) {
    const app = new Koa()
    answerErrors(app)
    app.use(koaSession(sessions, { load: 'lazy' }))
    route(app, sessions, routes)
    return serve(app.callback())
  },
}

function answerErrors(app: Koa): void {
  app.silent = true
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      const { status, headers, code } = error as { status?: number; headers?: Record<string, string>; code?: string }
      ctx.status = status ?? 500
      ctx.set(headers ?? {})
      ctx.body = `app: ${code ?? 'error'}`
    }
  })
}

function route(app: Koa, sessions: Sessions, routes: Record<string, Route>): void {
  for (const mode of ['fresh', 'optional', 'stale-ok'] as const) {
    const marked = koaSession(sessions, { mode })
    app.use(async (ctx, next) => {
      if (ctx.path !== `/${mode}`) return next()
      await marked(ctx, async () => {
        ctx.body = cartOf(ctx.session)
      })
    })
  }
  app.use((ctx, next) => routes[ctx.path]?.(ctx) ?? next())
}

function answerNone(ctx: Context): void {
  ctx.body = 'none'
}

const routes: Record<string, Route> = {
  '/none': answerNone,
  '/read': async (ctx) => {
    ctx.body = (await ctx.loadSession()).toJSON()
  },
  '/me': (ctx) => {
    ctx.body = ctx.session.principal?.name ?? 'nobody'
  },
  '/add': (ctx) => {
    addToCart(ctx.session, String(ctx.query.item))
    ctx.cookies.set('theme', 'dark')
    ctx.body = 'added'
  },
  '/login': async (ctx) => {
    await ctx.session.login(String(ctx.query.user))
    ctx.status = 303
    ctx.redirect('/me')
  },
  '/logout': async (ctx) => {
    await ctx.session.destroy()
    ctx.body = 'bye'
  },
  '/not-modified': (ctx) => {
    ctx.session.seen = true
    ctx.status = 304
  },
  '/empty': (ctx) => {
    ctx.session.seen = true
    ctx.status = 204
  },
  '/stream': streamed,
  '/sse': streamed,
  '/hang': (ctx) => {
    const body = new PassThrough()
    ctx.body = body
    body.write(halves[0])
    setTimeout(() => {
      ctx.session.steps = 2
    }, 20)
  },
  '/broken': (ctx) => {
    ctx.session.seen = true
    throw new Error('broken on purpose')
  },
}

function streamed(ctx: Context): void {
  const body = new PassThrough()
  ctx.type = ctx.path === '/sse' ? 'text/event-stream' : 'text/plain'
  ctx.body = body
  ctx.session.steps = 1
  body.write(halves[0])
  setTimeout(() => {
    ctx.session.steps = 2
    body.end(halves[1])
  }, 20)
}
