import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A proxy before Redis that knows messages: counts round trips, mistreats invalidations, falls silent. */
export interface RespProxy {
  readonly url: string
  readonly port: number
  /** How often the client spoke after Redis had, but for what makes and keeps connections: HELLO, CLIENT, PING and the like. */
  roundTrips(): number
  reset(): void
  /** Of each invalidation from now on. Default: it passes. */
  onInvalidation(decide: (() => Fate) | undefined): void
  /** How many invalidations Redis has sent. */
  invalidations(): number
  /** From now on nothing reaches clients, until `release` sends it all at once. */
  hold(): void
  /** Messages that are held back. */
  held(): number
  release(): void
  /** Where new connections go from now on. */
  retarget(redisPort: number): void
  /** Connections that stand now stay open, and nothing comes back on them any more; new ones work. */
  silence(): void
  /** Ends the connections that stand now. */
  disconnect(): void
  close(): Promise<void>
}

/**
 * When an invalidation reaches the client, once for each number, in milliseconds: [0] passes it, [] drops it, [0, 30]
 * doubles it; several with different delays overtake each other and replies. `disconnect`: the connection ends instead.
 */
export type Fate = readonly number[] | 'disconnect'

export async function startRespProxy(redisPort: number): Promise<RespProxy> {
  let target = redisPort
  let holding: Map<Socket, Buffer[]> | undefined
  let count = 0
  let invalidations = 0
  let decide: (() => Fate) | undefined
  const clients = new Set<Socket>()
  const silent = new Set<Socket>()

  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    const commands = messageSplitter()
    const replies = messageSplitter()
    let isWaiting = false
    clients.add(client)
    client.setNoDelay()
    upstream.setNoDelay()

    client.on('data', (chunk) => {
      if (commands.split(chunk).some((command) => !isUpkeep(command))) {
        if (!isWaiting) count += 1
        isWaiting = true
      }
      upstream.write(chunk)
    })

    upstream.on('data', (chunk) => {
      for (const message of replies.split(chunk)) {
        if (isInvalidation(message)) {
          invalidations += 1
          deliver(message, decide?.() ?? [0])
        } else {
          if (!isPong(message)) isWaiting = false
          send(message)
        }
      }
    })

    for (const socket of [client, upstream]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        clients.delete(client)
        client.destroy()
        upstream.destroy()
      })
    }

    function deliver(invalidation: Buffer, fate: Fate): void {
      if (fate === 'disconnect') {
        client.destroy()
        return
      }
      for (const delayMs of fate) {
        if (delayMs === 0) send(invalidation)
        else void sleep(delayMs, undefined, { ref: false }).then(() => send(invalidation))
      }
    }

    function send(message: Buffer): void {
      if (silent.has(client)) return
      if (holding !== undefined) holding.set(client, [...(holding.get(client) ?? []), message])
      else if (client.writable) client.write(message)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    roundTrips: () => count,
    reset() {
      count = 0
    },
    onInvalidation(next) {
      decide = next
    },
    invalidations: () => invalidations,
    hold() {
      holding ??= new Map()
    },
    held: () => [...(holding?.values() ?? [])].reduce((sum, messages) => sum + messages.length, 0),
    release() {
      const all = holding
      holding = undefined
      for (const [client, messages] of all ?? []) if (client.writable) client.write(Buffer.concat(messages))
    },
    retarget(port) {
      target = port
    },
    silence() {
      for (const client of clients) silent.add(client)
    },
    disconnect() {
      for (const client of clients) client.destroy()
    },
    async close() {
      for (const client of clients) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Cuts a stream of RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/) into whole messages. */
function messageSplitter() {
  let rest: Buffer = Buffer.alloc(0)
  return {
    split(chunk: Buffer): Buffer[] {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const messages: Buffer[] = []
      for (let end = endOfMessage(rest, 0); end !== undefined; end = endOfMessage(rest, 0)) {
        messages.push(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
      return messages
    },
  }
}

/** undefined: it is not all there yet. */
function endOfMessage(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', start)
  if (lineEnd === -1) return undefined
  const type = String.fromCharCode(bytes[start]!)
  const afterLine = lineEnd + 2
  if (!'$=!*~>%'.includes(type)) return afterLine
  const length = Number(bytes.toString('latin1', start + 1, lineEnd))
  if (length < 0) return afterLine
  if ('$=!'.includes(type)) return bytes.length < afterLine + length + 2 ? undefined : afterLine + length + 2
  let at: number | undefined = afterLine
  for (let left = type === '%' ? length * 2 : length; left > 0 && at !== undefined; left -= 1) {
    at = endOfMessage(bytes, at)
  }
  return at
}

function isInvalidation(message: Buffer): boolean {
  return message[0] === 0x3e && message.toString('latin1', 0, 24).includes('\r\ninvalidate\r\n')
}

function isUpkeep(command: Buffer): boolean {
  return /^\*\d+\r\n\$\d+\r\n(PING|HELLO|CLIENT|AUTH|SELECT|ROLE)\r\n/.test(command.toString('latin1', 0, 24))
}

function isPong(reply: Buffer): boolean {
  return reply.equals(pong)
}

const pong = Buffer.from('+PONG\r\n')
