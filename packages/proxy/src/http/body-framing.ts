import { BadMessage } from './bad-message.ts'
import { createHeadScanner } from './head-scanner.ts'
import type { Limits } from './limits.ts'
import { type Field, parseTrailers } from './message-head.ts'

/** Takes a message's body out of the bytes of its connection. */
export interface BodyReader {
  /**
   * Reads from `bytes[at]` on and hands each piece of the body to the sink. Returns the index of the first byte that is not
   * of this message. Throws BadMessage when the body is malformed; the connection is of no further use then. Holds on to none
   * of the bytes.
   */
  read(bytes: Buffer, at: number, sink: BodySink): number
  complete(): boolean
  /** Once complete. */
  trailers(): readonly Field[]
}

export interface BodySink {
  body(piece: Buffer): void
}

const NO_FIELDS: readonly Field[] = []

/** A body of exactly `length` bytes (RFC 9112 6.2). */
export function createSizedReader(length: number): BodyReader {
  return new SizedReader(length)
}

/** A class, for there is one per answer: see exchange.ts. */
class SizedReader implements BodyReader {
  private left: number

  constructor(length: number) {
    this.left = length
  }

  read(bytes: Buffer, at: number, sink: BodySink): number {
    const end = Math.min(bytes.length, at + this.left)
    if (end > at) {
      this.left -= end - at
      sink.body(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    }
    return end
  }

  complete(): boolean {
    return this.left === 0
  }

  trailers(): readonly Field[] {
    return NO_FIELDS
  }
}

/** A body that goes on until its connection ends (RFC 9112 6.3, rule 8). */
export function createUntilCloseReader(): BodyReader {
  return {
    read(bytes, at, sink) {
      if (at < bytes.length) sink.body(at === 0 ? bytes : bytes.subarray(at))
      return bytes.length
    },
    complete: () => false,
    trailers: () => NO_FIELDS,
  }
}

const LF = 0x0a
const CR = 0x0d
const SEMICOLON = 0x3b
/** 12 hex digits are 256 TiB a chunk, and far from where a number would lose precision. */
const MAX_SIZE_DIGITS = 12
/** Extensions are read over and dropped; the longest in use are signatures of about 90 bytes. */
const MAX_EXTENSION_BYTES = 1024

type ChunkState = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'complete'

/** A chunked body (RFC 9112 7.1), strictly: nothing but hex digits, an extension, CR LF. */
export function createChunkedReader(limits: Pick<Limits, 'headBytes' | 'headerCount' | 'targetBytes'>): BodyReader {
  let state: ChunkState = 'size'
  let size = 0
  let digits = 0
  let extensionBytes = 0
  let left = 0
  let trailers = NO_FIELDS
  let trailerBytes: Buffer | undefined
  const trailerScanner = createHeadScanner()

  function readTrailers(bytes: Buffer, at: number): number {
    const before = trailerBytes?.length ?? 0
    const section = trailerBytes === undefined ? bytes.subarray(at) : Buffer.concat([trailerBytes, bytes.subarray(at)])
    const end = trailerScanner.scan(section)
    if ((end < 0 ? section.length : end) > limits.headBytes) {
      throw new BadMessage(431, 'trailers_too_large', 'The trailer section is too large.')
    }
    if (end < 0) {
      // A copy: what was read is the connection's memory, and the next bytes come into it.
      trailerBytes = Buffer.from(section)
      return bytes.length
    }
    // Between the last field and the empty line stands the CR LF of that field.
    trailers = end === 2 ? NO_FIELDS : parseTrailers(section.toString('latin1', 0, end - 4), limits)
    trailerBytes = undefined
    state = 'complete'
    return at + end - before
  }

  return {
    read(bytes, from, sink) {
      let at = from
      while (at < bytes.length && state !== 'complete') {
        if (state === 'data') {
          const end = Math.min(bytes.length, at + left)
          sink.body(bytes.subarray(at, end))
          left -= end - at
          at = end
          if (left === 0) state = 'data-cr'
          continue
        }
        if (state === 'trailers') {
          at = readTrailers(bytes, at)
          continue
        }
        const byte = bytes[at]!
        at += 1
        switch (state) {
          case 'size': {
            const digit = hexDigit(byte)
            if (digit >= 0) {
              digits += 1
              if (digits > MAX_SIZE_DIGITS) throw badChunk('A chunk size is too large.')
              size = size * 16 + digit
            } else if (digits === 0 || (byte !== CR && byte !== SEMICOLON)) {
              throw badChunk('A chunk size is not a hexadecimal number.')
            } else {
              state = byte === CR ? 'size-lf' : 'extension'
            }
            break
          }
          case 'extension':
            extensionBytes += 1
            if (byte === CR) state = 'size-lf'
            else if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) throw badChunk('A chunk extension is malformed.')
            else if (extensionBytes > MAX_EXTENSION_BYTES) throw badChunk('A chunk extension is too long.')
            break
          case 'size-lf':
            if (byte !== LF) throw badChunk('A chunk size does not end with CR LF.')
            state = size === 0 ? 'trailers' : 'data'
            left = size
            size = 0
            digits = 0
            extensionBytes = 0
            break
          case 'data-cr':
            if (byte !== CR) throw badChunk('A chunk is longer than its size.')
            state = 'data-lf'
            break
          default:
            if (byte !== LF) throw badChunk('A chunk does not end with CR LF.')
            state = 'size'
        }
      }
      return at
    },
    complete: () => state === 'complete',
    trailers: () => trailers,
  }
}

function badChunk(message: string): BadMessage {
  return new BadMessage(400, 'bad_chunk', message)
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
