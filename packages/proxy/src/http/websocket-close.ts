import { randomBytes } from 'node:crypto'

/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 5.2), so that a close frame can be put between two of them and
 * not into the middle of one.
 */
export interface FrameTracker {
  /** Reads on from `bytes[at]` to the end of the frame, or of the bytes; returns where that is. */
  advance(bytes: Buffer, at: number): number
  /** True between two frames. */
  atBoundary(): boolean
  /** True once a whole close frame has passed: nothing may follow it. */
  closed(): boolean
}

const CLOSE = 0x8
const FINAL = 0x80
const MASKED = 0x80

export function createFrameTracker(): FrameTracker {
  /** The header of the frame under way, byte by byte. */
  const header = Buffer.alloc(14)
  let headerBytes = 0
  let payloadLeft = 0
  let inPayload = false
  let closed = false

  function endFrame(): void {
    closed ||= (header[0]! & 0xf) === CLOSE
    headerBytes = 0
    inPayload = false
  }

  return {
    advance(bytes, from) {
      let at = from
      while (at < bytes.length) {
        if (inPayload) {
          const end = Math.min(bytes.length, at + payloadLeft)
          payloadLeft -= end - at
          at = end
          if (payloadLeft === 0) {
            endFrame()
            return at
          }
        } else {
          header[headerBytes] = bytes[at]!
          headerBytes += 1
          at += 1
          if (headerBytes < 2 || headerBytes < headerLength(header)) continue
          payloadLeft = payloadLength(header)
          inPayload = true
          if (payloadLeft === 0) {
            endFrame()
            return at
          }
        }
      }
      return at
    },
    atBoundary: () => headerBytes === 0,
    closed: () => closed,
  }
}

/** A close frame as a server sends it, or masked, as a client does (RFC 6455 5.3). */
export function closeFrame({ code, masked }: { code: number; masked: boolean }): Buffer {
  if (!masked) return Buffer.from([FINAL | CLOSE, 2, code >> 8, code & 0xff])
  const mask = randomBytes(4)
  const payload = [(code >> 8) ^ mask[0]!, (code & 0xff) ^ mask[1]!]
  return Buffer.from([FINAL | CLOSE, MASKED | 2, ...mask, ...payload])
}

function headerLength(header: Buffer): number {
  const length = header[1]! & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (header[1]! & MASKED ? 4 : 0)
}

function payloadLength(header: Buffer): number {
  const length = header[1]! & 0x7f
  if (length === 126) return header.readUInt16BE(2)
  if (length === 127) return header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6)
  return length
}
