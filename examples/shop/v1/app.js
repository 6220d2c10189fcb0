/// <reference path="./session.d.ts" />
import { setTimeout as sleep } from 'node:timers/promises'
import { expressSession } from '@baton/session/express'
import express from 'express'
import { page } from './page.js'

/**
 * @param {{ sessions: import('@baton/session').Sessions, orders: import('./orders.js').Orders }} world
 */
export function createApp({ sessions, orders }) {
  const release = process.env.BATON_RELEASE ?? 'v1'
  const node = process.env.BATON_NODE ?? 'local'
  let stopping = false
  /** @type {Set<import('express').Response>} */
  const streams = new Set()

  const app = express()
  app.disable('x-powered-by')
  app.use((_req, res, next) => {
    res.set({ 'Baton-Release': release, 'Baton-Node': node })
    if (stopping) res.set('Connection', 'close')
    next()
  })

  // Before the sessions: a health check has none.
  app.get('/health', (_req, res) => {
    res.type('text').send('ok\n')
  })

  app.use(express.json(), express.urlencoded({ extended: false }))
  app.use(expressSession(sessions))

  app.get('/', (req, res) => {
    const { principal, cart = [] } = req.session
    res.send(page({ user: principal?.name, cart, release, node }))
  })

  app.get('/me', (req, res) => {
    const { principal, cart = [] } = req.session
    res.json({ user: principal?.name ?? null, cart, release, node })
  })

  app.post('/login', async (req, res) => {
    const user = text(req.body?.user)
    if (user === undefined) return badRequest(res, 'user: a name of 1 to 64 characters')
    await req.session.login(user)
    done(req, res, { user })
  })

  app.post('/logout', async (req, res) => {
    await req.session.destroy()
    done(req, res, { user: null })
  })

  app.post('/cart', async (req, res) => {
    const item = text(req.body?.item)
    if (item === undefined) return badRequest(res, 'item: 1 to 64 characters')
    const cart = await req.session.update('cart', (current) => [...(current ?? []), item])
    done(req, res, { cart })
  })

  app.post('/orders', async (req, res) => {
    const id = text(req.body?.id)
    if (id === undefined) return badRequest(res, 'id: 1 to 64 characters')
    await orders.add({ id, user: req.session.principal?.name ?? null, node, release })
    res.status(201).json({ id })
  })

  app.get('/slow', async (req, res) => {
    const ms = Math.min(Number(req.query.ms) || 0, 60_000)
    await sleep(ms)
    res.json({ waitedMs: ms, release, node })
  })

  app.get('/events', (_req, res) => {
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    res.flushHeaders()
    let tick = 0
    const timer = setInterval(() => res.write(`data: ${JSON.stringify({ tick: ++tick, release, node })}\n\n`), 250)
    streams.add(res)
    res.on('close', () => {
      clearInterval(timer)
      streams.delete(res)
    })
  })

  app.use((_req, res) => {
    res.status(404).json({ error: 'not found' })
  })

  app.use(answerError)

  return {
    app,
    release,
    /** From now on connections end with their answer; event streams, which never end by themselves, end now. */
    stop() {
      stopping = true
      for (const stream of streams) stream.end('event: bye\ndata: {}\n\n')
    },
  }
}

/**
 * Errors know their status: 503 with Retry-After from a session store that is away, 4xx from the body parsers.
 * @param {Error & { status?: number, headers?: Record<string, string> }} error
 * @param {import('express').Request} _req
 * @param {import('express').Response} res
 * @param {import('express').NextFunction} next
 */
function answerError(error, _req, res, next) {
  const { status = 500, headers = {} } = error
  if (status >= 500) console.error(error)
  if (res.headersSent) next(error)
  else
    res
      .status(status)
      .set(headers)
      .json({ error: status === 500 ? 'something went wrong' : error.message })
}

/**
 * A browser's form goes back to the page, a program gets JSON.
 * @param {import('express').Request} req
 * @param {import('express').Response} res
 * @param {object} result
 */
function done(req, res, result) {
  if (req.is('urlencoded')) res.redirect(303, '/')
  else res.json(result)
}

/**
 * @param {import('express').Response} res
 * @param {string} error
 */
function badRequest(res, error) {
  res.status(400).json({ error })
}

/**
 * @param {unknown} value
 * @returns {string | undefined}
 */
function text(value) {
  return typeof value === 'string' && value.length > 0 && value.length <= 64 ? value : undefined
}
