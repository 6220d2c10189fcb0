import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { attachSession } from './attached-session.ts'
import { SessionError } from './errors.ts'
import type { AdapterOptions, SessionMode } from './holder.ts'
import { refuseRequest } from './refusal.ts'
import type { Session, SessionAttributes } from './session.ts'
import type { Sessions } from './sessions.ts'

export type { AdapterOptions, SessionMode } from './holder.ts'
export { openUpgrade, refuseUpgrade, type UpgradeSession } from './upgrade.ts'

export type SessionRequest<A extends object = SessionAttributes> = IncomingMessage & {
  readonly session: Session<A>
  /** With `load: 'lazy'`: loads the session; `req.session` is there afterwards. Rejects with SessionError. */
  loadSession(mode?: SessionMode): Promise<Session<A>>
}

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
  options: AdapterOptions = {},
): RequestListener {
  const { mode, load = 'eager' } = options
  return async (req, res) => {
    try {
      const holder = attachSession(sessions, req, res, load)
      if (load === 'eager') await holder.load(mode)
      await handler(req as SessionRequest<A>, res)
    } catch (error) {
      if (!(error instanceof SessionError)) sessions.report(error)
      if (res.headersSent) res.destroy()
      else refuseRequest(res, error)
    }
  }
}
