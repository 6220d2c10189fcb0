import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { SessionError } from './errors.ts'
import { holdHead, refuseRequest } from './response.ts'
import type { Session, SessionAttributes } from './session.ts'
import type { Sessions } from './sessions.ts'

export type SessionRequest<A extends object = SessionAttributes> = IncomingMessage & { session: Session<A> }

/**
 * A listener for `http.createServer` whose requests have a session:
 *
 *     createServer(nodeSession(sessions, async (req, res) => { … }))
 *
 * When the store cannot say whether there is a session, it answers 503 with Retry-After, and the cookie stays as it is.
 * What the handler throws is answered with 500 (a SessionError with its own status) and reported.
 */
export function nodeSession<A extends object = SessionAttributes>(
  sessions: Sessions,
  handler: (req: SessionRequest<A>, res: ServerResponse) => unknown,
): RequestListener {
  return async (req, res) => {
    try {
      const opened = await sessions.open(req)
      holdHead(res, {
        commit: opened.commit,
        cookie: () => sessions.cookieFor(req, opened),
        onLateError: sessions.report,
      })
      await handler(Object.assign(req, { session: opened.session as Session<A> }), res)
    } catch (error) {
      if (!(error instanceof SessionError)) sessions.report(error)
      if (res.headersSent) res.destroy()
      else refuseRequest(res, error)
    }
  }
}
