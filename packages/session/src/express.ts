import type { ServerResponse } from 'node:http'
import { attachSession, holderOf, type SessionRequest } from './attached-session.ts'
import { SessionError } from './errors.ts'
import type { AdapterOptions, SessionMode } from './holder.ts'
import type { Sessions } from './sessions.ts'

export type { AdapterOptions, SessionMode } from './holder.ts'

declare global {
  namespace Express {
    interface Request {
      /** By the package's name, so that an app that adds to SessionAttributes sees it here. */
      session: import('@baton/session').Session
      /** With `load: 'lazy'`: loads the session; `req.session` is there afterwards. */
      loadSession(mode?: SessionMode): Promise<import('@baton/session').Session>
    }
  }
}

/** A middleware of Express 4 and 5, and of connect. */
export type SessionMiddleware = (req: SessionRequest, res: ServerResponse, next: (error?: unknown) => void) => void

/**
 * Gives each request its `req.session`. Put it after what needs no session (static files, health checks). When the store
 * cannot say whether there is a session, the error goes to `next`: Express answers 503 with Retry-After, and the cookie
 * stays as it is.
 *
 * On a route it marks what that route asks: `app.get('/pay', expressSession(sessions, { mode: 'fresh' }), …)`. Behind an
 * app-wide one with `load: 'lazy'` the mark loads the session; behind an eager one `fresh` loads it again, and the other
 * marks come too late to matter.
 */
export function expressSession(sessions: Sessions, options: AdapterOptions = {}): SessionMiddleware {
  const { mode = 'normal', load = 'eager' } = options
  return (req, res, next) => {
    const holder = holderOf(req) ?? attachSession(sessions, req, res, load)
    if (load === 'lazy') return next()
    let loading: Promise<void> | undefined
    try {
      loading = holder.load(mode)
    } catch (error) {
      return fail(res, error, next)
    }
    if (loading === undefined) return next()
    loading.then(
      () => next(),
      (error: unknown) => fail(res, error, next),
    )
  }
}

/** For error handlers of the app that mind neither `status` nor `headers`. */
function fail(res: ServerResponse, error: unknown, next: (error: unknown) => void): void {
  if (error instanceof SessionError && !res.headersSent) {
    res.statusCode = error.status
    for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value)
  }
  next(error)
}
