import type { ServerResponse } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type AdapterOptions, notLoaded, SessionHolder, type SessionMode } from './holder.ts'
import { aboutTheAnswer, refusalOf } from './refusal.ts'
import { holdHead } from './response.ts'
import type { Session, SessionAttributes } from './session.ts'
import type { OpenRequest, Sessions } from './sessions.ts'

export type { AdapterOptions, SessionMode } from './holder.ts'

/** `new Hono<{ Variables: SessionVariables<Shop> }>()` */
export interface SessionVariables<A extends object = SessionAttributes> {
  session: Session<A>
  /** With `load: 'lazy'`: loads the session; `c.get('session')` is there afterwards. Rejects with SessionError. */
  loadSession: (mode?: SessionMode) => Promise<Session<A>>
}

const key = 'baton.session.holder'

/**
 * Gives each request its session as `c.get('session')` and `c.var.session`, on any runtime that Hono runs on. When the
 * store cannot say whether there is a session, or cannot store what changed, it throws an HTTPException, whose response
 * is 503 with Retry-After and leaves the cookie as it is.
 *
 * On a route it marks what that route asks: `app.get('/pay', honoSession(sessions, { mode: 'fresh' }), …)`. Behind an
 * app-wide one with `load: 'lazy'` the mark loads the session; behind an eager one `fresh` loads it again, and the other
 * marks come too late to matter.
 */
export function honoSession<A extends object = SessionAttributes>(
  sessions: Sessions,
  options: AdapterOptions = {},
): MiddlewareHandler<{ Variables: SessionVariables<A> }> {
  const { mode, load = 'eager' } = options
  return async (c, next) => {
    const outer = c.get(key as 'session') as unknown as SessionHolder | undefined
    const holder = outer ?? new SessionHolder(sessions, requestOf(c))
    const loadSession = async (wanted?: SessionMode) => {
      const session = (await holder.loaded(wanted)) as Session<A>
      c.set('session', session)
      return session
    }
    if (outer === undefined) {
      c.set(key as 'session', holder as unknown as Session<A>)
      c.set('session', unloaded as Session<A>)
      c.set('loadSession', loadSession)
    }
    try {
      if (load === 'eager') await loadSession(mode)
    } catch (error) {
      throw refusal(c, error)
    }
    if (outer !== undefined) return next()

    const whole = outgoingOf(c) === undefined ? wholeResponses(c) : undefined
    await next()
    try {
      await holder.commit()
    } catch (error) {
      throw refusal(c, error)
    }
    const isWhole = whole?.(c.res) === true
    for (const cookie of holder.cookies()) c.header('Set-Cookie', cookie, { append: true })
    if (!isWhole) commitAtEnd(c, holder)
  }
}

function requestOf(c: Context): OpenRequest {
  const cookie = c.req.header('cookie')
  const forwarded = c.req.header('x-forwarded-proto')
  return {
    headers: {
      ...(cookie === undefined ? {} : { cookie }),
      ...(forwarded === undefined ? {} : { 'x-forwarded-proto': forwarded }),
    },
    socket: c.req.url.startsWith('https:') ? { encrypted: true } : {},
  }
}

/** The store's error as Hono wants it: `app.onError` finds the SessionError in `cause`. */
function refusal(c: Context, error: unknown): HTTPException {
  const { status, headers, body } = refusalOf(error)
  // Hono adds the headers of the answer so far to that of the error: those must not stay.
  if (c.finalized) {
    for (const name of [...c.res.headers.keys()]) if (aboutTheAnswer.test(name)) c.header(name, undefined)
  }
  const res = new Response(body, { status, headers })
  return new HTTPException(status as 503, { res, message: error instanceof Error ? error.message : body, cause: error })
}

/** Node's own response, which @hono/node-server hands to the app. */
function outgoingOf(c: Context): ServerResponse | undefined {
  return (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing
}

/** What a streamed body changes is written before its last byte, and when the client goes away. */
function commitAtEnd(c: Context, holder: SessionHolder): void {
  const commit = async () => {
    try {
      await holder.commit()
    } catch (error) {
      holder.onLateError(error)
    }
  }
  const outgoing = outgoingOf(c)
  if (outgoing !== undefined) {
    // It tells of its own end, so that a body which is no stream stays as it is.
    holdHead(outgoing, {
      commit: () => (outgoing.headersSent ? holder.commit() : undefined),
      cookies: () => [],
      onLateError: (error) => holder.onLateError(error),
      ended: () => holder.ended(),
    })
    return
  }
  const { res } = c
  if (res.body === null) return
  const body = thenAtEnd(res.body, commit)
  c.res = undefined
  c.res = new Response(body, res)
}

function thenAtEnd(stream: ReadableStream<Uint8Array>, work: () => Promise<void>): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
        } catch (error) {
          await work()
          throw error
        }
        await work()
        controller.close()
      },
      async cancel(reason) {
        await reader.cancel(reason).catch(() => undefined)
        await work()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Which responses were made of a string, so that they can leave as they are: other bodies cannot be told from streams.
 * Tells of the last one, which is the one that is sent, unless a middleware has put another in its place.
 */
function wholeResponses(c: Context): (response: Response) => boolean {
  let last: unknown
  for (const name of ['text', 'json', 'html'] as const) {
    const make = c[name] as (...args: unknown[]) => unknown
    c[name] = ((...args: unknown[]) => {
      last = make(...args)
      return last
    }) as never
  }
  return (response) => response === last
}

/** Stands where the session will be once it is loaded. */
const unloaded: unknown = new Proxy(
  {},
  {
    get() {
      throw notLoaded()
    },
    set() {
      throw notLoaded()
    },
  },
)
