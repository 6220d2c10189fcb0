import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A proxy before Redis that counts round trips (each time the client speaks after Redis did), and can go silent. */
export interface RedisProxy {
  readonly url: string
  roundTrips(): number
  reset(): void
  /** Connections that stand now stay open, and nothing comes back on them any more; new ones work. */
  silence(): void
  close(): Promise<void>
}

export async function startRedisProxy(port: number): Promise<RedisProxy> {
  let count = 0
  const sockets = new Set<Socket>()
  const silent = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    let isWaiting = false
    client.on('data', (chunk) => {
      if (!isWaiting) count += 1
      isWaiting = true
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      isWaiting = false
      if (!silent.has(client)) client.write(chunk)
    })
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
    url: `redis://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    roundTrips: () => count,
    reset: () => {
      count = 0
    },
    silence() {
      for (const socket of sockets) silent.add(socket)
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
