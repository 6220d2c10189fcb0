// The shop again, for a node of Node.js beside one of Tomcat: same paths, same answers, same sessions. Who logs in on one is logged
// in on the other.
import { mkdir, open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions } from '@baton/session'
import { expressSession } from '@baton/session/express'
import express from 'express'

const {
  BATON_RELEASE: release = 'v1',
  BATON_NODE: node = 'local',
  HOST: host = '127.0.0.1',
  PORT = '3000',
} = process.env
/** Store and namespace come from baton.yaml; the cookie's name is Tomcat's. */
const sessions = createSessions({ cookie: { name: 'JSESSIONID' }, maxInactiveInterval: '30m', trustProxy: true })
const orders = await openOrders()

const app = express()
app.disable('x-powered-by')
app.use((_req, res, next) => {
  res.set({ 'Baton-Release': release, 'Baton-Node': node })
  next()
})
app.get('/health', (_req, res) => {
  res.type('text').send('ok\n')
})
app.use(express.json(), express.urlencoded({ extended: false }))
app.use(expressSession(sessions))

app.get('/', ({ session }, res) => {
  const user = session.principal?.name
  const door = user === undefined ? loginForm : `<p>Hello, <b>${escapeHtml(user)}</b></p>${button('logout', 'Log out')}`
  const items = cartOf(session).map((item) => `<li>${escapeHtml(item)}</li>`)
  res.send(
    `<!doctype html><meta charset="utf-8"><title>The corner shop</title><h1>The corner shop</h1>${door}
    <h2>Your cart</h2><ol>${items.join('')}</ol>${button('cart', 'Green tea', 'item')}
    <footer>Release <b>${escapeHtml(release)}</b> on node <b>${escapeHtml(node)}</b>, which is Node.js</footer>`,
  )
})

app.get('/me', ({ session }, res) => {
  res.json({ user: session.principal?.name ?? null, cart: cartOf(session), release, node })
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

app.post('/cart', (req, res) => {
  const item = text(req.body?.item)
  if (item === undefined) return badRequest(res, 'item: 1 to 64 characters')
  // An attribute for each item, as on Tomcat: two nodes that put different ones in do not overwrite each other.
  req.session[`cart:${item}`] ??= Date.now()
  done(req, res, { cart: cartOf(req.session) })
})

app.post('/orders', async (req, res) => {
  const id = text(req.body?.id)
  if (id === undefined) return badRequest(res, 'id: 1 to 64 characters')
  const order = { id, user: req.session.principal?.name ?? null, node, release, at: new Date().toISOString() }
  await orders.appendFile(`${JSON.stringify(order)}\n`)
  res.status(201).json({ id })
})

app.route('/slow').get(slow).post(slow)

app.get('/events', async (_req, res) => {
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  for (let tick = 1; !stopping && !res.destroyed; tick += 1) {
    res.write(`data: ${JSON.stringify({ tick, release, node })}\n\n`)
    await sleep(250)
  }
  res.end('event: bye\ndata: {}\n\n')
})

let stopping = false
const server = createServer(app)
// Longer than nginx keeps its idle connections: it is nginx that closes them, never the shop.
server.keepAliveTimeout = 75_000
server.listen(Number(PORT), host, () => console.log(`shop ${release} on http://${host}:${PORT}`))

process.once('SIGTERM', stop)
process.once('SIGINT', stop)

function stop() {
  stopping = true
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  server.close(async () => {
    clearInterval(idle)
    await sessions.close()
    await orders.close()
  })
}

async function slow(req, res) {
  const ms = Math.min(Number(req.query.ms) || 0, 60_000)
  await sleep(ms)
  res.json({ waitedMs: ms, release, node })
}

async function openOrders() {
  const path = process.env.SHOP_ORDERS ?? join(process.env.BATON_SHARED ?? '.', 'orders.log')
  await mkdir(dirname(path), { recursive: true })
  return open(path, 'a')
}

/** The oldest first. */
function cartOf(session) {
  const items = Object.keys(session).filter((name) => name.startsWith('cart:'))
  return items.sort((a, b) => session[a] - session[b]).map((name) => name.slice('cart:'.length))
}

/** A browser's form goes back to the page, a program gets JSON. */
function done(req, res, result) {
  if (req.is('urlencoded')) res.redirect(303, '/')
  else res.json(result)
}

function badRequest(res, error) {
  res.status(400).json({ error })
}

function text(value) {
  return typeof value === 'string' && value.length > 0 && value.length <= 64 ? value : undefined
}

function escapeHtml(html) {
  return html.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

function button(action, label, name = 'go') {
  return `<form method="post" action="/${action}"><button name="${name}" value="${label}">${label}</button></form>`
}

const loginForm = '<form method="post" action="/login"><input name="user" required><button>Log in</button></form>'
