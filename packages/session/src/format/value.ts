import { isAscii } from 'node:buffer'
import { SessionError } from '../errors.ts'
import { randomPool, takeRandom } from './random.ts'

/**
 * Attribute values of format 1: a tag (1 byte), an etag (6 random base64url characters, fresh at each write), and the
 * payload. Numbers are big-endian. A tag that is not known here is opaque: kept byte for byte, listed by name.
 *
 *     s  string, UTF-8        i  int32, 4 bytes        l  int64, 8 bytes      d  IEEE 754 double, 8 bytes
 *     b  boolean, 00 or 01    t  instant, int64 ms     j  JSON, UTF-8         u  bytes
 *
 * `E` is any of these encrypted (cipher.ts), `J` is Java-serialised.
 */
export type Tag = 's' | 'i' | 'l' | 'd' | 'b' | 't' | 'j' | 'u'

export interface Encoded {
  readonly tag: Tag
  readonly payload: Buffer
}

export type Decoded =
  | { readonly readable: true; readonly value: unknown }
  /** An unknown tag or a damaged payload: this attribute alone is unavailable. */
  | { readonly readable: false; readonly tag: string }

/** Tag and etag. */
export const headBytes = 7

/**
 * A number keeps the type that `like` has, where it fits: an int64 that Java wrote stays an int64. Throws SessionError
 * `session-value` for what no tag can hold (functions, symbols, circular objects, integers over 64 bits).
 */
export function encodeValue(value: unknown, like?: string): Encoded {
  switch (typeof value) {
    case 'string':
      return { tag: 's', payload: Buffer.from(value) }
    case 'boolean':
      return { tag: 'b', payload: Buffer.of(value ? 1 : 0) }
    case 'number':
      return encodeNumber(value, like)
    case 'bigint':
      return { tag: 'l', payload: int64(value) }
    case 'object':
      if (value instanceof Uint8Array) return { tag: 'u', payload: Buffer.from(value) }
      if (value instanceof Date && !Number.isNaN(value.getTime())) {
        return { tag: 't', payload: int64(BigInt(value.getTime())) }
      }
      return { tag: 'j', payload: Buffer.from(jsonOf(value)) }
    default:
      throw unfit(`a ${typeof value}`)
  }
}

/** The stored bytes of a value, under a fresh etag. */
export function seal({ tag, payload }: { readonly tag: string; readonly payload: Buffer }): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + payload.length)
  bytes[0] = tag.charCodeAt(0)
  writeEtag(bytes)
  payload.copy(bytes, headBytes)
  return bytes
}

/** Gives the stored value in `bytes` a fresh etag. */
export function writeEtag(bytes: Buffer): void {
  const at = takeRandom(headBytes - 1)
  for (let index = 1; index < headBytes; index += 1) {
    bytes[index] = base64url.charCodeAt(randomPool[at + index - 1]! & 63)
  }
}

export function tagOf(bytes: Buffer): string {
  return bytes.length < headBytes ? '' : String.fromCharCode(bytes[0]!)
}

/** The etag by which a conditional commit recognises the value; '' for an attribute that is absent or has none. */
export function etagOf(bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : bytes.toString('latin1', 1, headBytes)
}

export function payloadOf(bytes: Buffer): Buffer {
  return bytes.subarray(headBytes)
}

/** Never throws; each call gives a fresh value that nobody else holds. */
export function decodeValue(bytes: Buffer): Decoded {
  const tag = tagOf(bytes)
  // Most values by far: without a view of the payload, which costs as much as the rest.
  if ((tag === 'j' || tag === 's') && isAscii(bytes)) return decodeText(tag, bytes.toString('latin1', headBytes))
  return decodePayload(tag, payloadOf(bytes))
}

/** The same, of a value that came out of the cipher. */
export function decodePayload(tag: string, payload: Buffer): Decoded {
  try {
    return { readable: true, value: payloadValue(tag, payload) }
  } catch {
    return { readable: false, tag }
  }
}

function decodeText(tag: 'j' | 's', text: string): Decoded {
  try {
    return { readable: true, value: tag === 's' ? text : parseJson(text) }
  } catch {
    return { readable: false, tag }
  }
}

function payloadValue(tag: string, payload: Buffer): unknown {
  switch (tag) {
    case 's':
      return textOf(payload)
    case 'j':
      return parseJson(textOf(payload))
    case 'u':
      return Buffer.from(payload)
    case 'b':
      return sized(payload, 1).readUInt8() !== 0
    case 'i':
      return sized(payload, 4).readInt32BE()
    case 'd':
      return sized(payload, 8).readDoubleBE()
    case 't':
      return dateOf(Number(sized(payload, 8).readBigInt64BE()))
    case 'l': {
      const exact = sized(payload, 8).readBigInt64BE()
      const number = Number(exact)
      return Number.isSafeInteger(number) ? number : exact
    }
    default:
      throw new Error('unknown tag')
  }
}

/** JSON whose text cannot reach a prototype: keys named `__proto__` are left out. */
export function parseJson(text: string): unknown {
  return text.includes('__proto__') || text.includes('\\u')
    ? JSON.parse(text, (key, value) => (key === '__proto__' ? undefined : value))
    : JSON.parse(text)
}

/** Throws where it is not UTF-8. Plain ASCII, as most is, needs no decoder. */
function textOf(payload: Buffer): string {
  return isAscii(payload) ? payload.toString('latin1') : utf8.decode(payload)
}

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function encodeNumber(value: number, like: string | undefined): Encoded {
  const whole = Number.isSafeInteger(value) && !Object.is(value, -0)
  if (!whole || like === 'd') {
    const payload = Buffer.alloc(8)
    payload.writeDoubleBE(value)
    return { tag: 'd', payload }
  }
  if (like === 'l' || value !== (value | 0)) return { tag: 'l', payload: int64(BigInt(value)) }
  const payload = Buffer.alloc(4)
  payload.writeInt32BE(value)
  return { tag: 'i', payload }
}

function int64(value: bigint): Buffer {
  if (BigInt.asIntN(64, value) !== value) throw unfit('an integer over 64 bits')
  const payload = Buffer.alloc(8)
  payload.writeBigInt64BE(value)
  return payload
}

function jsonOf(value: object | null): string {
  try {
    const text = JSON.stringify(value)
    if (typeof text === 'string') return text
  } catch (cause) {
    throw unfit('an object that JSON cannot hold', cause)
  }
  throw unfit('an object whose toJSON gives nothing')
}

/** Java's instants reach further than JavaScript's dates: those are kept as they are. */
function dateOf(ms: number): Date {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) throw new Error('beyond the calendar')
  return date
}

function sized(payload: Buffer, bytes: number): Buffer {
  if (payload.length !== bytes) throw new Error('damaged payload')
  return payload
}

function unfit(what: string, cause?: unknown): SessionError {
  return new SessionError(
    'session-value',
    `${what} does not fit into a session attribute; store strings, numbers, booleans, dates, bytes or plain JSON`,
    { cause },
  )
}
