import type { Socket } from 'node:net'

/**
 * What is to be written to a connection: collected while one read is worked off, then sent in one write. Text is latin1, byte
 * for byte.
 */
export interface Outbox {
  text(text: string): void
  bytes(bytes: Buffer): void
  /** `bytes` as one chunk of a chunked body. */
  chunk(bytes: Buffer): void
  /** Writes what has been collected. */
  flush(socket: Socket): void
  /** Drops what has been collected. */
  clear(): void
}

/** Up to here copying the pieces into one is cheaper than a gathering write. */
const JOINED_BYTES = 16 * 1024
/** Where they are copied to: used again as soon as a write has been taken whole, which is almost always at once. */
let joined = Buffer.allocUnsafeSlow(JOINED_BYTES)

export function createOutbox(): Outbox {
  const parts: (string | Buffer)[] = []
  let size = 0

  function put(part: string | Buffer): void {
    parts.push(part)
    size += part.length
  }

  function write(socket: Socket): void {
    if (parts.length === 1) {
      writePart(socket, parts[0]!)
    } else if (size <= JOINED_BYTES) {
      let end = 0
      for (const part of parts) {
        end += typeof part === 'string' ? joined.write(part, end, 'latin1') : part.copy(joined, end)
      }
      socket.write(joined.subarray(0, end))
      if (socket.writableLength > 0) joined = Buffer.allocUnsafeSlow(JOINED_BYTES)
    } else {
      socket.cork()
      for (const part of parts) writePart(socket, part)
      socket.uncork()
    }
  }

  function clear(): void {
    parts.length = 0
    size = 0
  }

  return {
    text: put,
    bytes: put,
    chunk(bytes) {
      put(`${bytes.length.toString(16)}\r\n`)
      put(bytes)
      put('\r\n')
    },
    flush(socket) {
      if (parts.length === 0) return
      if (socket.writable) write(socket)
      clear()
    },
    clear,
  }
}

/** True when a connection should get no more for now; it emits `drain` when it can take more. */
export function isCongested(socket: Socket): boolean {
  // write() also returns false for what the kernel took whole at once: pausing for that would cost more than it saves.
  return socket.writableNeedDrain && socket.writableLength > 0
}

function writePart(socket: Socket, part: string | Buffer): void {
  if (typeof part === 'string') socket.write(part, 'latin1')
  else socket.write(part)
}
