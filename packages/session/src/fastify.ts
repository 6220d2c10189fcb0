import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { publicText, SessionError } from './errors.ts'
import { type AdapterOptions, SessionHolder, type SessionMode } from './holder.ts'
import { aboutTheAnswer } from './refusal.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export type { AdapterOptions, SessionMode } from './holder.ts'

/** What a route says in its `config`: how it wants its session, `lazy` not before `loadSession()`, false not at all. */
export type RouteSession = SessionMode | 'lazy' | false

declare module 'fastify' {
  interface FastifyRequest {
    /** By the package's name, so that an app that adds to SessionAttributes sees it here. */
    session: import('@baton/session').Session
    /** On lazy routes: loads the session; `request.session` is there afterwards. Rejects with SessionError. */
    loadSession(mode?: SessionMode): Promise<import('@baton/session').Session>
  }
  interface FastifyContextConfig {
    session?: RouteSession
  }
}

export interface FastifySessionOptions extends AdapterOptions {
  readonly sessions: Sessions
}

const key = Symbol('baton.session.holder')
type Holding = FastifyRequest & { [key]: SessionHolder | null }

/**
 * Gives each request its `request.session`: `app.register(fastifySession, { sessions })`, for the whole app. A route says
 * what it wants in its config: `{ config: { session: 'fresh' | 'optional' | 'stale-ok' | 'lazy' | false } }`.
 *
 * Loaded in `onRequest`, committed in `onSend`: errors go to the app's error handler, with status 503 and Retry-After, and
 * the cookie stays as it is. What is written to `reply.raw`, and the end of a stream, wait for commits as well.
 */
export const fastifySession: FastifyPluginCallback<FastifySessionOptions> = (app, options, done) => {
  const { sessions, mode = 'normal', load = 'eager' } = options
  if (sessions === undefined) {
    throw new SessionError('session-options', 'write app.register(fastifySession, { sessions: createSessions(…) })')
  }
  const byDefault: RouteSession = load === 'lazy' ? 'lazy' : mode

  app.decorateRequest(key as unknown as 'session', null as unknown as { getter(): Session })
  app.decorateRequest('session', {
    getter(this: FastifyRequest) {
      const holder = (this as Holding)[key]
      if (holder === null) throw noSession(this)
      return holder.session
    },
  })
  app.decorateRequest('loadSession', async function (this: FastifyRequest, mode?: SessionMode) {
    const holder = (this as Holding)[key]
    if (holder === null) throw noSession(this)
    return holder.loaded(mode)
  })

  app.addHook('onRequest', (request, reply, next) => {
    const wanted = request.routeOptions.config.session ?? byDefault
    if (wanted === false) return next()
    const holder = new SessionHolder(sessions, request.raw, reply.raw)
    ;(request as Holding)[key] = holder
    if (wanted === 'lazy') return next()
    const loading = holder.load(wanted)
    if (loading === undefined) return next()
    loading.then(
      () => next(),
      (error: Error) => fail(reply, error, next),
    )
  })

  app.addHook('onSend', (request, reply, payload, next) => {
    const holder = (request as Holding)[key]
    const waiting = holder?.commit()
    if (holder === null) return next(null, payload)
    if (waiting === undefined) return pass(holder, payload, next)
    waiting.then(
      () => pass(holder, payload, next),
      (error: Error) => {
        holder.giveUp()
        for (const name of Object.keys(reply.getHeaders())) if (aboutTheAnswer.test(name)) reply.removeHeader(name)
        fail(reply, error, next)
      },
    )
  })
  done()
}

// What fastify-plugin says, without the package: https://fastify.dev/docs/latest/Reference/Plugins/#handle-the-scope
Object.assign(fastifySession, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@baton/session',
  [Symbol.for('plugin-meta')]: { name: '@baton/session', fastify: '5.x' },
})

function pass(holder: SessionHolder, payload: unknown, next: (error: null, payload: unknown) => void): void {
  // A stream may go on changing the session until its end.
  holder.isSettled = payload === null || typeof payload !== 'object' || Buffer.isBuffer(payload)
  next(null, payload)
}

/**
 * Fastify's own error handler sets the headers of an error; one of the app may not. It also shows visitors the message,
 * which is not for them: what went wrong is the `cause`, and in the log.
 */
function fail(reply: FastifyReply, error: Error, next: (error: Error) => void): void {
  if (!(error instanceof SessionError)) {
    next(error)
    return
  }
  reply.headers(error.headers)
  next(new SessionError(error.code, publicText(error.status).trim(), { cause: error }))
}

function noSession(request: FastifyRequest): SessionError {
  return new SessionError(
    'session-not-loaded',
    `${request.method} ${request.routeOptions.url ?? 'this route'} has no session: its config says session: false`,
  )
}
