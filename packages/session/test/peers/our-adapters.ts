import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { expressSession } from '../../src/express.ts'
import { fastifySession } from '../../src/fastify.ts'
import { koaSession } from '../../src/koa.ts'
import type { Session } from '../../src/session.ts'
import type { Sessions } from '../../src/sessions.ts'
import { serve, type TestApp } from '../app.ts'

/** Whatever the framework calls a request: where its session is, and what it asks for. */
export interface Holder {
  readonly session: Session
}

/** Gives the body. What it throws goes to the framework. */
export type OurHandler = (holder: Holder, query: URLSearchParams) => unknown
export type OurRoutes = Record<string, OurHandler>

/** The same routes in each framework, each as its users write it. */
export const ourAdapters = {
  async express(sessions: Sessions, routes: OurRoutes): Promise<TestApp> {
    const app = express().use(expressSession(sessions))
    for (const [path, handle] of Object.entries(routes)) {
      app.get(path, async (req, res) => {
        res.send(await handle(req, queryOf(req.url)))
      })
    }
    return serve(app)
  },

  async fastify(sessions: Sessions, routes: OurRoutes): Promise<TestApp> {
    const app = fastify()
    await app.register(fastifySession, { sessions })
    for (const [path, handle] of Object.entries(routes)) {
      app.get(path, async (request) => handle(request, queryOf(request.url)))
    }
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    return {
      origin,
      async close() {
        app.server.closeAllConnections()
        await app.close()
      },
    }
  },

  async koa(sessions: Sessions, routes: OurRoutes): Promise<TestApp> {
    const app = new Koa()
    app.silent = true
    app.use(koaSession(sessions))
    app.use(async (ctx) => {
      const handle = routes[ctx.path]
      if (handle !== undefined) ctx.body = await handle(ctx, new URLSearchParams(ctx.querystring))
    })
    return serve(app.callback())
  },
} as const

export type OurAdapter = keyof typeof ourAdapters

function queryOf(url: string): URLSearchParams {
  return new URL(url, 'http://host').searchParams
}
