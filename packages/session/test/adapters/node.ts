import type { ServerResponse } from 'node:http'
import { nodeSession, type SessionMode, type SessionRequest } from '../../src/node.ts'
import type { Sessions } from '../../src/sessions.ts'
import { serve } from '../app.ts'
import { type AdapterApp, addToCart, cartOf, halves, type Shop } from './routes.ts'

type Route = (req: SessionRequest<Shop>, res: ServerResponse, query: URLSearchParams) => unknown

export const nodeApp: AdapterApp = {
  marksAloneLoad: true,

  serve(sessions) {
    const others = Object.fromEntries(
      modes.map((mode) => [`/${mode}`, nodeSession<Shop>(sessions, answerCart, { mode })]),
    )
    const answer = nodeSession<Shop>(sessions, answerWith({ ...routes, '/read': readLoaded }))
    return serve((req, res) => {
      if (req.url === '/none') res.end('none')
      else (others[req.url ?? ''] ?? answer)(req, res)
    })
  },

  serveLazily: (sessions: Sessions) => serve(nodeSession<Shop>(sessions, answerWith(routes), { load: 'lazy' })),
}

const modes: readonly SessionMode[] = ['fresh', 'optional', 'stale-ok']

function answerWith(routes: Record<string, Route>) {
  return async (req: SessionRequest<Shop>, res: ServerResponse) => {
    const url = new URL(req.url ?? '/', 'http://x')
    const mode = modes.find((mode) => url.pathname === `/${mode}`)
    if (mode === undefined) {
      await routes[url.pathname]?.(req, res, url.searchParams)
    } else {
      await req.loadSession(mode)
      answerCart(req, res)
    }
  }
}

const answerCart = (req: SessionRequest<Shop>, res: ServerResponse) => res.end(cartOf(req.session))
const readLoaded: Route = (req, res) => res.end(JSON.stringify(req.session))

const routes: Record<string, Route> = {
  '/none': (_req, res) => res.end('none'),
  '/read': async (req, res) => res.end(JSON.stringify(await req.loadSession())),
  '/me': (req, res) => res.end(req.session.principal?.name ?? 'nobody'),
  '/add': (req, res, query) => {
    addToCart(req.session, query.get('item') ?? '')
    res.setHeader('Set-Cookie', 'theme=dark')
    res.end('added')
  },
  '/login': async (req, res, query) => {
    await req.session.login(query.get('user') ?? '')
    res.writeHead(303, { Location: '/me' }).end()
  },
  '/logout': async (req, res) => {
    await req.session.destroy()
    res.end('bye')
  },
  '/not-modified': (req, res) => {
    req.session.seen = true
    res.writeHead(304).end()
  },
  '/empty': (req, res) => {
    req.session.seen = true
    res.writeHead(204).end()
  },
  '/stream': streamed,
  '/sse': streamed,
  '/hang': (req, res) => {
    res.write(halves[0])
    setTimeout(() => {
      req.session.steps = 2
    }, 20)
  },
  '/broken': (req) => {
    req.session.seen = true
    throw new Error('broken on purpose')
  },
}

function streamed(req: SessionRequest<Shop>, res: ServerResponse): void {
  req.session.steps = 1
  res.writeHead(200, { 'Content-Type': req.url === '/sse' ? 'text/event-stream' : 'text/plain' })
  res.write(halves[0])
  setTimeout(() => {
    req.session.steps = 2
    res.end(halves[1])
  }, 20)
}
