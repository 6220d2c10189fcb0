import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from './model-random.ts'

/** Stands before Redis, makes it late, and ends connections at the worst moments. */
export interface FaultyNetwork {
  readonly port: number
  /** Connections that were ended so far. */
  cuts(): number
  close(): Promise<void>
}

type Cut =
  /** What comes next from the client never arrives. */
  | 'before'
  /** It arrives, and nobody hears what became of it. */
  | 'between'

export async function startFaultyNetwork(
  redisPort: number,
  { random, everyMs }: { random: Random; everyMs: number },
): Promise<FaultyNetwork> {
  let count = 0
  const sockets = new Set<Socket>()
  const due = new Map<Socket, Cut>()
  const clients: Socket[] = []

  const server = createServer((client) => {
    const upstream = connect(redisPort, '127.0.0.1')
    const toRedis = lane((chunk) => upstream.write(chunk))
    const toClient = lane((chunk) => client.write(chunk))
    clients.push(client)
    client.on('data', (chunk) => {
      const cut = due.get(client)
      if (cut !== undefined) {
        due.delete(client)
        count += 1
        if (cut === 'before') {
          client.destroy()
          return
        }
        // Its end would reach Redis together with it: the answer is what has to be lost.
        upstream.removeAllListeners('data')
        upstream.once('data', () => client.destroy())
      }
      toRedis(chunk)
    })
    upstream.on('data', toClient)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        due.delete(socket)
        if (clients.includes(client)) clients.splice(clients.indexOf(client), 1)
        client.destroy()
        upstream.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const timer = setInterval(() => {
    const client = clients[random.below(clients.length)]
    if (client !== undefined) due.set(client, random.pick(['before', 'between']))
  }, everyMs)
  const address = server.address()

  /** Now and then late; always in order. */
  function lane(send: (chunk: Buffer) => void): (chunk: Buffer) => void {
    let before: Promise<unknown> = Promise.resolve()
    return (chunk) => {
      const delayMs = random.below(6) === 0 ? 1 + random.below(25) : 0
      before = before.then(() => (delayMs === 0 ? undefined : sleep(delayMs))).then(() => send(chunk))
    }
  }

  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cuts: () => count,
    async close() {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
