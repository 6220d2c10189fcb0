import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import { serve, type TestApp } from '../app.ts'
import { type ExpressSessionOptions, type PeerSession, session } from './express-session-module.ts'

export interface PeerRequest extends IncomingMessage {
  session: PeerSession
  sessionID: string
  readonly path: string
  readonly query: Record<string, string>
}

export type PeerHandler = (req: PeerRequest, res: ServerResponse) => unknown

export interface PeerApp extends TestApp {
  /** What reached the app's error handler. */
  readonly errors: unknown[]
}

/** express-session as most apps have it: `resave` and `saveUninitialized` false. */
export async function startExpressSession(
  options: ExpressSessionOptions,
  handler: PeerHandler | Record<string, PeerHandler>,
  { before }: { before?: (req: IncomingMessage) => void } = {},
): Promise<PeerApp> {
  const errors: unknown[] = []
  const app = express()
  app.use((req, _res, next) => {
    before?.(req)
    next()
  })
  app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, ...options }))
  app.use((req, res, next) => {
    const handle = typeof handler === 'function' ? handler : handler[req.path]
    if (handle === undefined) return next()
    return handle(req as unknown as PeerRequest, res)
  })
  app.use((error: { status?: number }, _req: IncomingMessage, res: ServerResponse, _next: unknown) => {
    errors.push(error)
    if (res.headersSent) return
    res.statusCode = error.status ?? 500
    res.end(String(error))
  })
  return Object.assign(await serve(app), { errors })
}
