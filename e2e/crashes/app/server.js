// What the traffic asks of the shop, on plain node:http: a node that starts in a moment, for stories of many rolls.
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions } from '@baton/session'
import { nodeSession } from '@baton/session/node'

const {
  HOST,
  PORT,
  BATON_NODE = '',
  BATON_RELEASE = '',
  BATON_SHARED = '.',
  SHOP_ORDERS = join(BATON_SHARED, 'orders.log'),
  STOP_MS = '0',
} = process.env

// With this file a node can be held down: it ends as soon as it is started.
if (existsSync(join(BATON_SHARED, 'broken'))) process.exit(1)

const patienceMs = 10_000
const sessions = createSessions({
  namespace: 'shop',
  trustProxy: true,
  // These stories are not about a machine so busy that a store cannot answer in half a second.
  timeouts: { connectMs: patienceMs, loadMs: patienceMs, commitMs: patienceMs },
})
const orders = await open(SHOP_ORDERS, 'a')

/** @type {Record<string, (req: import('@baton/session/node').SessionRequest, url: URL) => unknown>} */
const routes = {
  'GET /': ({ session }) => `<h1>${session.principal?.name}</h1><p>${list(session.cart).join(', ')}</p>`,
  'GET /me': ({ session }) => ({ user: session.principal?.name ?? null, cart: list(session.cart) }),
  'POST /login': async (req) => {
    const { user } = JSON.parse(await text(req))
    await req.session.login(user)
    return { user }
  },
  'POST /cart': async (req) => {
    const { item } = JSON.parse(await text(req))
    return { cart: await req.session.update('cart', (cart) => [...list(cart), item]) }
  },
  'POST /orders': async (req) => {
    const { id } = JSON.parse(await text(req))
    await orders.appendFile(`${JSON.stringify({ id, node: BATON_NODE, release: BATON_RELEASE })}\n`)
    return { id }
  },
}

const withSession = nodeSession(sessions, async (req, res) => {
  const url = new URL(req.url ?? '/', 'http://app')
  const route = routes[`${req.method} ${url.pathname}`]
  answer(res, route === undefined ? 404 : 200, await route?.(req, url))
})

const server = createServer((req, res) => {
  res.setHeader('Baton-Node', BATON_NODE).setHeader('Baton-Release', BATON_RELEASE)
  if (!server.listening) res.setHeader('Connection', 'close')
  if (req.url === '/health') answer(res, 200, 'ok\n')
  else if (req.url?.startsWith('/slow/')) slow(res, Number(req.url.slice('/slow/'.length)))
  else withSession(req, res)
})
// Longer than any balancer keeps its idle connections: it is the balancer that closes them, never the app.
server.keepAliveTimeout = 75_000
server.listen(Number(PORT), HOST)

process.once('SIGTERM', () => {
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  server.close(async () => {
    clearInterval(idle)
    await sessions.close()
    await sleep(Number(STOP_MS))
    process.exit(0)
  })
})

/**
 * The head at once, so that whoever waits knows where it is; the end after `ms`.
 * @param {import('node:http').ServerResponse} res
 * @param {number} ms
 */
async function slow(res, ms) {
  // nginx would keep back the head until there is more.
  res.setHeader('X-Accel-Buffering', 'no').flushHeaders()
  await sleep(ms)
  res.end('done\n')
}

/**
 * @param {import('node:http').ServerResponse} res
 * @param {number} status
 * @param {unknown} content
 */
function answer(res, status, content) {
  res.statusCode = status
  if (typeof content === 'string') res.end(content)
  else res.setHeader('Content-Type', 'application/json').end(JSON.stringify(content ?? { error: 'not found' }))
}

/**
 * @param {unknown} cart
 * @returns {string[]}
 */
function list(cart) {
  return Array.isArray(cart) ? cart : []
}
