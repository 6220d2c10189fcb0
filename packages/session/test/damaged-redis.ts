import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** What a server that has gone mad answers a command with: bytes, or the end of the connection. */
export type Damage = Buffer | 'close' | 'silence'

/** A TCP server that shakes hands as Redis does, and answers everything else as it is told. */
export interface DamagedRedis {
  readonly url: string
  /** Answers the next commands, then the last one of these for ever. */
  answer(damages: readonly Damage[]): void
  /** Whether the handshake is damaged as well. */
  rude: boolean
  /** How many commands were answered with damage. */
  readonly answered: number
  close(): Promise<void>
}

export async function startDamagedRedis(): Promise<DamagedRedis> {
  const sockets = new Set<Socket>()
  let damages: readonly Damage[] = []
  let next = 0
  let answered = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.setNoDelay(true)
    socket.on('close', () => sockets.delete(socket))
    let pending: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        const [command, rest] = readCommand(pending)
        if (command === undefined) return
        pending = rest
        reply(socket, command)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()

  const damaged: DamagedRedis = {
    url: `redis://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    rude: false,
    get answered() {
      return answered
    },
    answer(given) {
      damages = given
      next = 0
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return damaged

  function reply(socket: Socket, command: string): void {
    if (!damaged.rude && command === 'HELLO') {
      socket.write('%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$4\r\nrole\r\n$6\r\nmaster\r\n')
    } else if (!damaged.rude && command === 'PING') {
      socket.write('+PONG\r\n')
    } else {
      const damage = damages[Math.min(next, damages.length - 1)] ?? 'silence'
      next += 1
      answered += 1
      if (damage === 'close') socket.destroy()
      else if (damage !== 'silence') socket.write(damage)
    }
  }
}

/** The first word of the first whole command (RESP2, as clients write it), and what follows it. */
function readCommand(bytes: Buffer): [string | undefined, Buffer] {
  const none: [undefined, Buffer] = [undefined, bytes]
  let at = 0
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at)
    if (end === -1) return undefined
    const text = bytes.toString('latin1', at, end)
    at = end + 2
    return text
  }
  const count = Number(line()?.slice(1))
  let word: string | undefined
  for (let i = 0; i < count; i += 1) {
    const length = Number(line()?.slice(1))
    if (Number.isNaN(length) || bytes.length < at + length + 2) return none
    word ??= bytes.toString('latin1', at, at + length).toUpperCase()
    at += length + 2
  }
  return word === undefined ? none : [word, bytes.subarray(at)]
}
