import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify, { type FastifyInstance } from 'fastify'
import { fastifySession } from '../../src/fastify.ts'
import type { Session } from '../../src/session.ts'
import type { TestApp } from '../app.ts'
import { type AdapterApp, addToCart, cartOf, halves } from './routes.ts'

export const fastifyApp: AdapterApp = {
  marksAloneLoad: true,

  serve(sessions) {
    const app = fastify({ forceCloseConnections: true })
    app.register(fastifySession, { sessions })
    app.get('/none', { config: { session: false } }, () => 'none')
    app.get('/read', (request) => request.session)
    return listen(routed(app))
  },

  serveLazily(sessions) {
    const app = fastify({ forceCloseConnections: true })
    app.register(fastifySession, { sessions, load: 'lazy' })
    app.get('/none', () => 'none')
    app.get('/read', (request) => request.loadSession())
    return listen(routed(app))
  },
}

/** A server of a framework that makes its own. */
export async function listen(app: FastifyInstance): Promise<TestApp> {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, close: () => app.close() }
}

function routed(app: FastifyInstance): FastifyInstance {
  app.get('/me', (request) => request.session.principal?.name ?? 'nobody')
  app.get<{ Querystring: { item: string } }>('/add', (request, reply) => {
    addToCart(request.session, request.query.item)
    reply.header('set-cookie', 'theme=dark').send('added')
  })
  app.get<{ Querystring: { user: string } }>('/login', async (request, reply) => {
    await request.session.login(request.query.user)
    return reply.redirect('/me', 303)
  })
  app.get('/logout', async (request) => {
    await request.session.destroy()
    return 'bye'
  })
  app.get('/not-modified', (request, reply) => {
    request.session.seen = true
    reply.code(304).send()
  })
  app.get('/empty', (request, reply) => {
    request.session.seen = true
    reply.code(204).send()
  })
  app.get('/stream', (request, reply) => reply.type('text/plain').send(Readable.from(parts(request.session))))
  app.get('/sse', (request, reply) => {
    reply.hijack()
    request.session.steps = 1
    reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream' })
    reply.raw.write(halves[0])
    setTimeout(() => {
      request.session.steps = 2
      reply.raw.end(halves[1])
    }, 20)
  })
  app.get('/hang', (request, reply) => reply.type('text/plain').send(Readable.from(endless(request.session))))
  app.get('/broken', (request) => {
    request.session.seen = true
    throw new Error('broken on purpose')
  })
  for (const mode of ['fresh', 'optional', 'stale-ok'] as const) {
    app.get(`/${mode}`, { config: { session: mode } }, (request) => cartOf(request.session))
  }
  app.setErrorHandler(
    (error: Error & { status?: number; headers?: Record<string, string>; code?: string }, _request, reply) => {
      reply
        .code(error.status ?? 500)
        .headers(error.headers ?? {})
        .send(`app: ${error.code ?? 'error'}`)
    },
  )
  return app
}

async function* parts(session: Session): AsyncGenerator<string> {
  session.steps = 1
  yield halves[0]
  await sleep(20)
  session.steps = 2
  yield halves[1]
}

async function* endless(session: Session): AsyncGenerator<string> {
  yield halves[0]
  await sleep(20)
  session.steps = 2
  await sleep(1_000_000, undefined, { ref: false })
}
