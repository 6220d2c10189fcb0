import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdHead, refuseRequest } from './response.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

declare global {
  namespace Express {
    interface Request {
      /** By the package's name, so that an app that adds to SessionAttributes sees it here. */
      session: import('@baton/session').Session
    }
  }
}

/** A middleware of Express 4 and 5, and of connect. */
export type SessionMiddleware = (
  req: IncomingMessage & { session?: Session },
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Gives each request its `req.session`. Put it after what needs no session (static files, health checks). When the store
 * cannot say whether there is a session, it answers 503 with Retry-After, and the cookie stays as it is.
 */
export function expressSession(sessions: Sessions): SessionMiddleware {
  return (req, res, next) => {
    // Mounted twice, the outer one is enough.
    if (req.session !== undefined) return next()
    sessions.open(req).then(
      (opened) => {
        req.session = opened.session
        holdHead(res, {
          commit: opened.commit,
          cookie: () => sessions.cookieFor(req, opened),
          onLateError: sessions.report,
        })
        next()
      },
      (error: unknown) => refuseRequest(res, error),
    )
  }
}
