import express, { type ErrorRequestHandler, type Express } from 'express'
import { expressSession } from '../../src/express.ts'
import type { Sessions } from '../../src/sessions.ts'
import { serve } from '../app.ts'
import { type AdapterApp, addToCart, cartOf, halves } from './routes.ts'

export const expressApp: AdapterApp = {
  marksAloneLoad: false,

  serve(sessions) {
    const app = express()
    app.get('/none', (_req, res) => void res.send('none'))
    app.use(expressSession(sessions))
    app.get('/read', (req, res) => void res.json(req.session))
    return serve(routed(app, sessions))
  },

  serveLazily(sessions) {
    const app = express()
    app.use(expressSession(sessions, { load: 'lazy' }))
    app.get('/none', (_req, res) => void res.send('none'))
    app.get('/read', async (req, res) => void res.json(await req.loadSession()))
    return serve(routed(app, sessions))
  },
}

function routed(app: Express, sessions: Sessions): Express {
  app.get('/me', (req, res) => void res.send(req.session.principal?.name ?? 'nobody'))
  app.get('/add', (req, res) => {
    addToCart(req.session, String(req.query.item))
    res.cookie('theme', 'dark').send('added')
  })
  app.get('/login', async (req, res) => {
    await req.session.login(String(req.query.user))
    res.redirect(303, '/me')
  })
  app.get('/logout', async (req, res) => {
    await req.session.destroy()
    res.send('bye')
  })
  app.get('/not-modified', (req, res) => {
    req.session.seen = true
    res.status(304).end()
  })
  app.get('/empty', (req, res) => {
    req.session.seen = true
    res.status(204).end()
  })
  app.get(['/stream', '/sse'], (req, res) => {
    res.type(req.path === '/sse' ? 'text/event-stream' : 'text/plain')
    req.session.steps = 1
    res.write(halves[0])
    setTimeout(() => {
      req.session.steps = 2
      res.end(halves[1])
    }, 20)
  })
  app.get('/hang', (req, res) => {
    res.write(halves[0])
    setTimeout(() => {
      req.session.steps = 2
    }, 20)
  })
  app.get('/broken', (req) => {
    req.session.seen = true
    throw new Error('broken on purpose')
  })
  for (const mode of ['fresh', 'optional', 'stale-ok'] as const) {
    app.get(`/${mode}`, expressSession(sessions, { mode }), (req, res) => void res.send(cartOf(req.session)))
  }
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    res
      .status(error.status ?? 500)
      .set(error.headers ?? {})
      .send(`app: ${error.code ?? 'error'}`)
  }
  app.use(answerError)
  return app
}
