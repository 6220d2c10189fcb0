import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import { until } from './rig.ts'

/** A client that sends and receives bytes as they are (latin1). */
export interface RawClient extends Disposable {
  readonly socket: Socket
  send(bytes: string | Buffer): void
  received(): string
  /** Waits for text that matches, and returns all that has been received. */
  receives(pattern: string | RegExp): Promise<string>
  /** Waits for the connection's end, and returns all that has been received. */
  ends(): Promise<string>
  ended(): boolean
  /** True when it was ended by a reset. */
  wasReset(): boolean
}

export async function connectRaw(port: number, { allowHalfOpen = false } = {}): Promise<RawClient> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen })
  let text = ''
  let ended = false
  let reset = false
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  socket.on('error', () => {
    reset = true
  })
  socket.on('close', () => {
    ended = true
  })
  await once(socket, 'connect')
  return {
    socket,
    send(bytes) {
      if (typeof bytes === 'string') socket.write(bytes, 'latin1')
      else socket.write(bytes)
    },
    received: () => text,
    async receives(pattern) {
      await until(() => (typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)))
      return text
    },
    async ends() {
      await until(() => ended)
      return text
    },
    ended: () => ended,
    wasReset: () => reset,
    [Symbol.dispose]() {
      socket.destroy()
    },
  }
}

/** Sends bytes on a connection of their own, and returns what comes back until it ends. */
export async function sendRaw(port: number, ...pieces: (string | Buffer)[]): Promise<string> {
  using client = await connectRaw(port)
  for (const piece of pieces) {
    client.send(piece)
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve))
  }
  return await client.ends()
}

/** The status of an answer in raw bytes; 0 when there is none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(answer)?.[1] ?? 0)
}
