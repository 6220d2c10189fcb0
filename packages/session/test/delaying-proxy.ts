import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Stands before a server and brings it everything that clients send only after `delayMs`; answers go back at once. */
export interface DelayingProxy {
  readonly port: number
  close(): Promise<void>
}

export async function startDelayingProxy(target: { port: number; delayMs: number }): Promise<DelayingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target.port, '127.0.0.1')
    client.on('data', (chunk) => {
      setTimeout(() => upstream.write(chunk), target.delayMs)
    })
    upstream.on('data', (chunk) => client.write(chunk))
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
