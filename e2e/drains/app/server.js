// An app with slow answers of every kind. Each request may ask for a certain node with ?node=: another one answers
// 421 at once, and the client asks again.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer } from 'ws'

const node = process.env.BATON_NODE ?? 'local'
const { HOST: host = '127.0.0.1', PORT: port = '3000' } = process.env
const tickMs = 100
/** @type {Set<string | null>} */
const begun = new Set()

/** @type {Record<string, (req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse, ms: number) => Promise<void>>} */
const routes = {
  async '/health'(_req, res) {
    res.end('ok\n')
  },

  async '/slow'(req, res, ms) {
    begun.add(urlOf(req).searchParams.get('id'))
    await sleep(ms)
    res.end(`slept ${ms} ms\n`)
  },

  // Whether this node has a certain slow request. Not every balancer would let it say so by itself, with a 1xx.
  async '/begun'(req, res) {
    res.writeHead(begun.has(urlOf(req).searchParams.get('id')) ? 200 : 404, { Connection: 'close' }).end()
  },

  async '/upload'(req, res) {
    const hash = createHash('sha256')
    for await (const chunk of req) hash.update(chunk)
    res.end(hash.digest('hex'))
  },

  async '/download'(_req, res, ms) {
    for (let tick = 0; tick * tickMs < ms; tick += 1) {
      res.write(`${tick} ${'x'.repeat(4_000)}\n`)
      await sleep(tickMs)
    }
    res.end('whole\n')
  },

  async '/events'(_req, res, ms) {
    res.setHeader('Content-Type', 'text/event-stream')
    for (let tick = 0; tick * tickMs < ms && !res.closed; tick += 1) {
      res.write(`data: ${tick}\n\n`)
      await sleep(tickMs)
    }
    res.end('event: bye\ndata:\n\n')
  },
}

const server = createServer(serve)
server.on('checkContinue', (req, res) => {
  if (isMeant(req)) res.writeContinue()
  serve(req, res)
})

const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', (req, socket, head) => {
  if (!isMeant(req)) return void socket.end('HTTP/1.1 421 Misdirected Request\r\nConnection: close\r\n\r\n')
  sockets.handleUpgrade(req, socket, head, (client) => {
    client.on('message', (message) => client.send(`${node}: ${message}`))
  })
})

server.listen(Number(port), host, () => console.log(`${node} on http://${host}:${port}`))
process.once('SIGTERM', () => server.close(() => process.exit(0)))

/**
 * @param {import('node:http').IncomingMessage} req
 * @param {import('node:http').ServerResponse} res
 */
async function serve(req, res) {
  const { pathname, searchParams } = urlOf(req)
  res.setHeader('Baton-Node', node)
  const route = routes[pathname]
  if (route === undefined) res.writeHead(404).end()
  else if (isMeant(req)) await route(req, res, Number(searchParams.get('ms')))
  else res.writeHead(421, { Connection: 'close' }).end()
}

/** @param {import('node:http').IncomingMessage} req */
function isMeant(req) {
  return [null, node].includes(urlOf(req).searchParams.get('node'))
}

/** @param {import('node:http').IncomingMessage} req */
function urlOf(req) {
  return new URL(req.url ?? '/', 'http://app')
}
