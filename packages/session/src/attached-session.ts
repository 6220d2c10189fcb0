import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AdapterOptions, notLoaded, SessionHolder, type SessionMode } from './holder.ts'
import { requestMap } from './request-map.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'
import { sharedPrototype } from './shared-prototype.ts'

/** A request as an app may see it. */
export type SessionRequest = IncomingMessage & {
  session?: Session
  loadSession?: (mode?: SessionMode) => Promise<Session>
}

/** By request, so that adapters that are mounted within each other share one session. */
const holders = requestMap<SessionHolder>()

export function holderOf(req: IncomingMessage): SessionHolder | undefined {
  return holders.get(req)
}

export function keepHolder(req: IncomingMessage, holder: SessionHolder): void {
  holders.set(req, holder)
}

/** Gives a request `loadSession`, and `session` once it is loaded. Where it is loaded lazily, `session` throws until then. */
export function attachSession(
  sessions: Sessions,
  req: SessionRequest,
  res: ServerResponse,
  load: AdapterOptions['load'],
): SessionHolder {
  const shared = sharedPrototype(req)
  const holder = new SessionHolder(sessions, req, res, shared === undefined ? req : undefined)
  holders.set(req, holder)
  holder.isLazy = load === 'lazy'
  if (shared !== undefined) {
    if (!Object.hasOwn(shared, 'loadSession')) Object.defineProperties(shared, properties)
    return holder
  }
  // Plain properties: an accessor costs a request a microsecond, so that only lazy ones have it.
  req.loadSession = loadSession
  if (load === 'lazy') Object.defineProperty(req, 'session', unloaded)
  return holder
}

async function loadSession(this: SessionRequest, mode?: SessionMode): Promise<Session> {
  const holder = holderOf(this)
  if (holder === undefined) throw notLoaded()
  return holder.loaded(mode)
}

/** Shared by all requests of Express. */
const properties: PropertyDescriptorMap & ThisType<SessionRequest> = {
  session: {
    get() {
      const holder = holderOf(this)
      return holder?.isLoaded || holder?.isLazy ? holder.session : undefined
    },
    set: become,
    configurable: true,
  },
  loadSession: { value: loadSession, configurable: true, writable: true },
}

/** Says what to do, until the session takes its place. */
const unloaded: PropertyDescriptor = {
  get() {
    throw notLoaded()
  },
  set: become,
  configurable: true,
}

function become(this: SessionRequest, value: unknown): void {
  Object.defineProperty(this, 'session', { value, configurable: true, enumerable: true, writable: true })
}
