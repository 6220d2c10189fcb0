import type { Context, Middleware } from 'koa'
import { holderOf, keepHolder } from './attached-session.ts'
import { type AdapterOptions, notLoaded, SessionHolder, type SessionMode } from './holder.ts'
import { aboutTheAnswer } from './refusal.ts'
import type { Sessions } from './sessions.ts'

export type { AdapterOptions, SessionMode } from './holder.ts'

declare module 'koa' {
  interface ExtendableContext {
    /** By the package's name, so that an app that adds to SessionAttributes sees it here. */
    session: import('@baton/session').Session
    /** With `load: 'lazy'`: loads the session; `ctx.session` is there afterwards. Rejects with SessionError. */
    loadSession(mode?: SessionMode): Promise<import('@baton/session').Session>
  }
}

/**
 * Gives each request its `ctx.session`. Put it before the router. When the store cannot say whether there is a session,
 * or cannot store what changed, it throws a SessionError, as koa wants it: 503 with Retry-After, the cookie as it is.
 *
 * On a route it marks what that route asks: `router.get('/pay', koaSession(sessions, { mode: 'fresh' }), …)`. Behind an
 * app-wide one with `load: 'lazy'` the mark loads the session; behind an eager one `fresh` loads it again, and the other
 * marks come too late to matter.
 */
export function koaSession(sessions: Sessions, options: AdapterOptions = {}): Middleware {
  const { mode, load = 'eager' } = options
  return async (ctx, next) => {
    const outer = holderOf(ctx.req)
    const holder = outer ?? new SessionHolder(sessions, ctx.req, ctx.res)
    if (outer === undefined) keepHolder(ctx.req, holder)
    if (!Object.hasOwn(ctx.app.context, 'loadSession')) Object.defineProperties(ctx.app.context, properties)
    if (load === 'eager') await holder.load(mode)
    await next()
    if (outer !== undefined) return
    try {
      await holder.commit()
    } catch (error) {
      holder.giveUp()
      for (const name of ctx.res.getHeaderNames()) if (aboutTheAnswer.test(name)) ctx.remove(name)
      throw error
    }
    // A stream, or the app itself, may go on changing the session until its end.
    const { body, respond } = ctx
    holder.isSettled = respond !== false && (typeof body !== 'object' || body === null || Buffer.isBuffer(body))
  }
}

/** Shared by all requests of an app. */
const properties: PropertyDescriptorMap & ThisType<Context> = {
  session: {
    get() {
      return held(this).session
    },
    configurable: true,
  },
  loadSession: {
    async value(mode?: SessionMode) {
      return held(this).loaded(mode)
    },
    configurable: true,
    writable: true,
  },
}

function held(ctx: Context): SessionHolder {
  const holder = holderOf(ctx.req)
  if (holder === undefined) throw notLoaded()
  return holder
}
