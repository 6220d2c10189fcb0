import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { SessionError } from './errors.ts'
import {
  type AdapterOptions,
  type HoldingRequest,
  holderKey,
  notLoaded,
  SessionHolder,
  type SessionMode,
} from './holder.ts'
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

/** For adapters: gives a request `loadSession`, and `session` once it is loaded. */
export function attachSession(
  sessions: Sessions,
  req: HoldingRequest,
  res: ServerResponse,
  load: AdapterOptions['load'],
): SessionHolder {
  const holder = new SessionHolder(sessions, req, res, req)
  // Plain properties: an accessor costs a request a microsecond, so that only lazy ones have it.
  req[holderKey] = holder
  req.loadSession = loadSession
  if (load === 'lazy') Object.defineProperty(req, 'session', unloaded)
  return holder
}

async function loadSession(this: HoldingRequest, mode?: SessionMode): Promise<Session> {
  const holder = this[holderKey]
  if (holder === undefined) throw notLoaded()
  return holder.load(mode)
}

/** Says what to do, until the session takes its place. */
const unloaded: PropertyDescriptor = {
  get() {
    throw notLoaded()
  },
  set(session: Session) {
    Object.defineProperty(this, 'session', { value: session, writable: true, configurable: true, enumerable: true })
  },
  configurable: true,
}
