// One node of an app, as a process of its own, on the package as it is built: see nodes.ts.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions } from '@baton/session'
import { expressSession } from '@baton/session/express'
import express from 'express'

const sessions = createSessions({
  namespace: 'nodes',
  // A test machine may be slow; what is tested here is what happens, not how soon.
  timeouts: { connectMs: 10_000, loadMs: 10_000, commitMs: 10_000 },
  onError: () => {},
})
const app = express()
app.use(expressSession(sessions))
app.get('/set', (req, res) => {
  req.session.set(String(req.query.name), 'set')
  res.send('set')
})
app.get('/count', async (req, res) => {
  res.json(await countUp(req.session))
})
app.get('/set-and-count', async (req, res) => {
  req.session.set(String(req.query.name), 'set')
  res.json(await countUp(req.session))
})
app.get('/slow', async (req, res) => {
  await sleep(Number(req.query.ms))
  req.session.slow = true
  res.send('slow')
})
app.get('/login', async (req, res) => {
  await req.session.login('ann')
  res.redirect(303, '/me')
})
app.get('/logout', async (req, res) => {
  await req.session.destroy()
  res.send('out')
})
app.get('/me', (req, res) => {
  res.json({ user: req.session.principal?.name ?? null, attributes: req.session })
})

const server = createServer(app).listen(0, '127.0.0.1')
// A client may keep a connection for as long as a test takes.
server.keepAliveTimeout = 0
await once(server, 'listening')
process.send?.(server.address())
process.on('disconnect', () => process.exit(0))

/** @param {import('@baton/session').Session} session */
function countUp(session) {
  return session.update('count', (count) => (typeof count === 'number' ? count : 0) + 1)
}
