import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** A real app server that a test holds in its hands. */
export interface Backend {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly weight: number
  /** The paths of clients' requests, in the order they came. Health checks are left out. */
  readonly seen: string[]
  /** Requests to /hold that have not been answered. */
  readonly held: ReadonlySet<ServerResponse>
  /** Answers what is held. */
  release(): void
  /** Nothing listens any more, and every connection is reset. */
  stop(): Promise<void>
  start(): Promise<void>
}

/**
 * Answers at once with its id and what it was sent, but /hold (when it is released), /events (an event stream without
 * an end), WebSockets (echoed), /health and /status/:code.
 */
export async function startBackend(id: string): Promise<Backend> {
  const seen: string[] = []
  const held = new Set<ServerResponse>()
  const webSockets = new WebSocketServer({ noServer: true })
  let port = 0

  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    if (path === '/health') return response.end('fine')
    seen.push(path)
    response.setHeader('x-node', id)
    if (path.startsWith('/events')) return stream(response)
    let body = ''
    for await (const chunk of request) body += chunk
    if (path.startsWith('/hold')) return hold(response)
    const status = Number(/^\/status\/(\d+)/.exec(path)?.[1] ?? 200)
    response.writeHead(status).end(JSON.stringify({ node: id, method: request.method, body }))
  })
  server.on('upgrade', (request, socket, head) => {
    seen.push(request.url ?? '')
    webSockets.handleUpgrade(request, socket, head, (opened: WebSocket) => {
      opened.on('message', (data, isBinary) => opened.send(data, { binary: isBinary }))
      opened.on('error', () => {})
    })
  })

  function hold(response: ServerResponse): void {
    held.add(response)
    response.on('close', () => held.delete(response))
  }

  function stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => response.write('data: tick\n\n'), 20)
    response.on('close', () => clearInterval(timer))
    response.write('data: hello\n\n')
  }

  async function start(): Promise<void> {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }

  await start()
  return {
    id,
    host: '127.0.0.1',
    port,
    weight: 10,
    seen,
    held,
    release() {
      for (const response of held) response.end(JSON.stringify({ node: id }))
    },
    start,
    async stop() {
      for (const socket of webSockets.clients) socket.terminate()
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
