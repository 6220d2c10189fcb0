// An app on Express: node express.mjs PORT WAY STORE, the way being bare, baton or peer (express-session).
import { createRequire } from 'node:module'
import { createSessions } from '@baton/session'
import { expressSession } from '@baton/session/express'
import { RedisStore } from 'connect-redis'
import express from 'express'
import { createClient } from 'redis'
import { contentOf } from './content.mjs'

// Without its types, which would give every request of this repository another session.
const peerSession = createRequire(import.meta.url)('express-session')
const [port, way, store = ''] = process.argv.slice(2)
const app = express()
if (way === 'baton') {
  const nearCache = store.endsWith('#near')
  app.use(expressSession(createSessions({ store: store.replace('#near', ''), namespace: 'bench', nearCache })))
}
if (way === 'peer') {
  const client = createClient({ url: store })
  await client.connect()
  const options = { secret: 'only for the bench', resave: false, saveUninitialized: false }
  app.use(peerSession({ ...options, store: new RedisStore({ client }) }))
}
app.get('/begin', (req, res) => {
  if (way !== 'bare') Object.assign(req.session, contentOf(Number(req.query.bytes)))
  res.send('begun')
})
app.get('/read', (req, res) => {
  const user = way === 'bare' ? { name: 'ann' } : /** @type {{ name: string }} */ (req.session.user)
  res.send(`hello ${user.name}`)
})
app.get('/write', (req, res) => {
  if (way !== 'bare') req.session.visits = Number(req.session.visits) + 1
  res.send('written')
})
app.listen(Number(port), '127.0.0.1').keepAliveTimeout = 600_000
// So that --cpu-prof gets to write what it saw.
process.on('SIGTERM', () => process.exit(0))
