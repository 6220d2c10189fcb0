import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** An app server that does what the path says, and remembers how often it was asked. */
export interface AppServer {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly weight: number
  /** `GET /path` and so on, in the order they came. */
  readonly seen: string[]
  /** When it ended the last answer, as performance.now(). */
  readonly lastEnd: () => number
  readonly sockets: ReadonlySet<Socket>
  /** Closes its port: connections are refused. */
  refuse(): Promise<void>
  listen(): Promise<void>
  close(): Promise<void>
}

/**
 * `/after/:ms` answers late; `/cut` reads the request and resets the connection; `/status/:code`; anything else answers
 * 200 at once. Each answer names the server in x-node.
 */
export async function startAppServer(id: string, weight = 10): Promise<AppServer> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  let lastEnd = 0
  let port = 0

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    seen.push(`${request.method} ${path}`)
    request.on('error', () => {})
    for await (const _ of request);
    if (path.startsWith('/cut')) return request.socket.resetAndDestroy() as never
    const delayMs = Number(/^\/after\/(\d+)/.exec(path)?.[1] ?? 0)
    const status = Number(/^\/status\/(\d+)/.exec(path)?.[1] ?? 200)
    setTimeout(() => {
      lastEnd = performance.now()
      response.writeHead(status, { 'x-node': id }).end(`${id} ${path}`)
    }, delayMs)
  }
  const server: Server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  server.on('upgrade', (request, socket: Socket) => {
    seen.push(`UPGRADE ${request.url}`)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })

  async function listen(): Promise<void> {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }

  async function close(): Promise<void> {
    if (!server.listening) return
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  }

  await listen()
  return { id, host: '127.0.0.1', port, weight, seen, sockets, lastEnd: () => lastEnd, refuse: close, listen, close }
}
