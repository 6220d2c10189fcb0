// The app of worker.js on express-session and connect-redis, written as their documentation does it: what the same
// experiments find there shows that they can find something.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { RedisStore } from 'connect-redis'
import express from 'express'
import { createClient } from 'redis'

// Without types on purpose: theirs would give every request of this package's tests another session.
const expressSession = createRequire(import.meta.url)('express-session')

const client = createClient({ url: process.env.BATON_SESSION_STORE ?? '' })
await client.connect()
const app = express()
app.use(
  expressSession({
    name: 'JSESSIONID',
    secret: 'only for tests',
    resave: false,
    saveUninitialized: false,
    store: new RedisStore({ client }),
  }),
)
app.get('/set', (req, res) => {
  sessionOf(req)[String(req.query.name)] = 'set'
  res.send('set')
})
app.get('/set-and-count', (req, res) => {
  const session = sessionOf(req)
  session[String(req.query.name)] = 'set'
  session.count = (session.count ?? 0) + 1
  res.json(session.count)
})
app.get('/slow', async (req, res) => {
  await sleep(Number(req.query.ms))
  sessionOf(req).slow = true
  res.send('slow')
})
app.get('/login', (req, res, next) => {
  const before = { ...sessionOf(req), cookie: undefined }
  sessionOf(req).regenerate((/** @type {unknown} */ error) => {
    if (error) return next(error)
    Object.assign(sessionOf(req), before, { cookie: sessionOf(req).cookie, user: 'ann' })
    res.redirect(303, '/me')
  })
})
app.get('/logout', (req, res, next) => {
  sessionOf(req).destroy((/** @type {unknown} */ error) => (error ? next(error) : res.send('out')))
})
app.get('/me', (req, res) => {
  const { cookie: _, user, ...attributes } = sessionOf(req)
  res.json({ user: user ?? null, attributes })
})

const server = createServer(app).listen(0, '127.0.0.1')
server.keepAliveTimeout = 0
await once(server, 'listening')
process.send?.(server.address())
process.on('disconnect', () => process.exit(0))

/**
 * @param {object} req
 * @returns {any}
 */
function sessionOf(req) {
  return Reflect.get(req, 'session')
}
