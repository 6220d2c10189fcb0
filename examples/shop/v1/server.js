// Starts the shop, and stops it so that nobody notices: no new connections, every answer finished, exit 0.
import { createServer } from 'node:http'
import { createSessions } from '@baton/session'
import { createApp } from './app.js'
import { openOrders } from './orders.js'

const sessions = createSessions({
  // Baton says where; alone, the shop keeps its sessions beside itself.
  store: process.env.BATON_SESSION_STORE ?? 'lmdb:./data/sessions',
  namespace: 'shop',
  maxInactiveInterval: '30m',
  trustProxy: true,
})
const orders = await openOrders()
const shop = createApp({ sessions, orders })
const server = createServer(shop.app)
// Longer than any balancer keeps its idle connections: it is the balancer that closes them, never the shop.
server.keepAliveTimeout = 75_000

const host = process.env.HOST ?? '127.0.0.1'
const port = Number(process.env.PORT ?? 3000)
server.listen(port, host, () => {
  const address = server.address()
  const listening = typeof address === 'object' && address !== null ? address.port : port
  console.log(`shop ${shop.release} on http://${host}:${listening}`)
})
server.on('error', (error) => {
  console.error(`cannot listen on ${host}:${port}: ${error.message}`)
  process.exit(1)
})

process.once('SIGTERM', stop)
process.once('SIGINT', stop)

function stop() {
  shop.stop()
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  server.close(async () => {
    clearInterval(idle)
    await sessions.close()
    await orders.close()
    process.exit(0)
  })
}
