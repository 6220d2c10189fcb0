import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import express from 'express'
import { expressSession } from '../src/express.ts'
import { nodeSession } from '../src/node.ts'
import type { Session } from '../src/session.ts'
import type { Sessions } from '../src/sessions.ts'

export type Handler = (session: Session, res: ServerResponse, req: IncomingMessage) => unknown
export type Routes = Record<string, Handler>

export interface TestApp {
  readonly origin: string
  close(): Promise<void>
}

export const adapters = {
  express(sessions: Sessions, routes: Routes): RequestListener {
    const app = express()
    app.use(expressSession(sessions))
    app.use((req, res, next) => routes[req.path]?.(req.session, res, req) ?? next())
    app.use((error: { status?: number }, _req: IncomingMessage, res: ServerResponse, _next: unknown) => {
      if (res.headersSent) return res.destroy()
      res.statusCode = error.status ?? 500
      return res.end(String(error))
    })
    return app
  },

  node(sessions: Sessions, routes: Routes): RequestListener {
    return nodeSession(sessions, async (req, res) => {
      await routes[new URL(req.url ?? '/', 'http://x').pathname]?.(req.session, res, req)
    })
  },
} as const

export async function serve(listener: RequestListener): Promise<TestApp> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
