import { BadMessage } from './bad-message.ts'
import type { Limits } from './limits.ts'

/** One header field. */
export interface Field {
  /** The whole field as it is forwarded: `Name: value`. */
  readonly line: string
  /** The name in lower case. */
  readonly key: string
  readonly value: string
}

interface MessageHead {
  /** HTTP/1.x: the x. */
  readonly minor: 0 | 1
  readonly fields: readonly Field[]
  /** What Connection lists, in lower case. */
  readonly connection: readonly string[]
  /** Whether the sender keeps its connection open after this message. */
  readonly keepAlive: boolean
  readonly chunked: boolean
  readonly contentLength: number | undefined
}

export interface RequestHead extends MessageHead {
  readonly method: string
  /** In origin form, or `*`. */
  readonly target: string
  /** The host the request is for; undefined only for HTTP/1.0. */
  readonly host: string | undefined
  readonly expectsContinue: boolean
  /** The protocols the client would switch to; undefined when it stays with HTTP/1.1. */
  readonly upgrade: string | undefined
}

export interface ResponseHead extends MessageHead {
  readonly status: number
  readonly reason: string
  readonly eventStream: boolean
  readonly upgrade: string | undefined
  /** Keep-Alive: timeout=N, in milliseconds. */
  readonly keepAliveMs: number | undefined
}

type HeadLimits = Pick<Limits, 'headerCount' | 'targetBytes'>

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const TARGET = /^[!"$-~]+$/
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]+)(?::[0-9]{0,5})?$/
const DIGITS = /^[0-9]{1,16}$/
const KEEP_ALIVE_TIMEOUT = /(?:^|[,; \t])timeout=([0-9]{1,9})(?:$|[,; \t])/i

/**
 * Reads a request's head (RFC 9112 2 to 6), strictly: whatever two recipients could read differently is refused.
 * `text` is the head in latin1 without the empty line that ends it; it comes through HeadScanner, so it holds no bare CR or LF
 * and no control character. Throws BadMessage with 400, 405, 414, 417, 431, 501 or 505.
 */
export function parseRequestHead(text: string, limits: HeadLimits): RequestHead {
  const lines = text.split('\r\n')
  const { method, target, minor } = parseRequestLine(lines[0]!, limits)
  const fields = parseFields(lines, limits)

  const framing: Framing = { contentLength: undefined, codings: undefined, connection: undefined }
  let host: string | undefined
  let expectsContinue = false
  let upgrade: string | undefined
  for (const field of fields) {
    switch (field.key) {
      case 'host':
        if (host !== undefined) throw new BadMessage(400, 'several_hosts', 'The request has more than one Host field.')
        host = field.value
        break
      case 'expect':
        expectsContinue ||= field.value.toLowerCase() === '100-continue'
        break
      case 'upgrade':
        upgrade = joined(upgrade, field.value)
        break
      default:
        takeFraming(framing, field)
    }
  }
  if (host === undefined && minor === 1) throw new BadMessage(400, 'no_host', 'The request has no Host field.')
  if (host !== undefined && !HOST.test(host)) throw new BadMessage(400, 'bad_host', 'The Host field is not a host.')

  const connection = listOf(framing.connection)
  const normal = target.startsWith('/') ? undefined : normalTarget(target, method)
  // Spelt out, here and below: spreading one object into another costs more than all the rest of the parsing.
  return {
    minor,
    fields,
    connection,
    keepAlive: isKeptAlive(connection, minor),
    chunked: checkedChunked(framing, minor),
    contentLength: framing.contentLength,
    method,
    target: normal?.target ?? target,
    host: normal?.host ?? host,
    // An HTTP/1.0 client knows neither (RFC 9110 7.8 and 10.1.1).
    expectsContinue: expectsContinue && minor === 1,
    upgrade: minor === 1 && connection.includes('upgrade') ? withoutHttp2(upgrade) : undefined,
  }
}

/** Reads a response's head as strictly as a request's. Throws BadMessage; its status means nothing, a client gets 502. */
export function parseResponseHead(text: string, limits: HeadLimits): ResponseHead {
  const lines = text.split('\r\n')
  const { minor, status, reason } = parseStatusLine(lines[0]!)
  const fields = parseFields(lines, limits)

  const framing: Framing = { contentLength: undefined, codings: undefined, connection: undefined }
  let eventStream = false
  let upgrade: string | undefined
  let keepAliveMs: number | undefined
  for (const field of fields) {
    switch (field.key) {
      case 'content-type':
        eventStream ||= field.value.slice(0, 17).toLowerCase() === 'text/event-stream'
        break
      case 'upgrade':
        upgrade = joined(upgrade, field.value)
        break
      case 'keep-alive': {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(field.value)?.[1]
        if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000
        break
      }
      default:
        takeFraming(framing, field)
    }
  }
  const connection = listOf(framing.connection)
  return {
    minor,
    fields,
    connection,
    keepAlive: isKeptAlive(connection, minor),
    chunked: checkedChunked(framing, minor),
    contentLength: framing.contentLength,
    status,
    reason,
    eventStream,
    upgrade,
    keepAliveMs,
  }
}

/** Reads a trailer section like the fields of a head. `text` is without the empty line that ends it. */
export function parseTrailers(text: string, limits: HeadLimits): readonly Field[] {
  return text === '' ? [] : parseFields(`\r\n${text}`.split('\r\n'), limits)
}

function parseRequestLine(line: string, limits: HeadLimits): { method: string; target: string; minor: 0 | 1 } {
  const first = line.indexOf(' ')
  const last = line.lastIndexOf(' ')
  const method = line.slice(0, first)
  if (first < 1 || !TOKEN.test(method)) throw new BadMessage(400, 'bad_method', 'The request line has no valid method.')
  if (last === first) throw new BadMessage(400, 'bad_request_line', 'The request line is not "METHOD TARGET HTTP/1.1".')
  const target = line.slice(first + 1, last)
  if (target.length > limits.targetBytes)
    throw new BadMessage(414, 'target_too_long', 'The request target is too long.')
  if (!TARGET.test(target)) throw new BadMessage(400, 'bad_target', 'The request target holds what it must not.')
  const minor = minorVersion(line.slice(last + 1))
  if (method === 'CONNECT') throw new BadMessage(405, 'no_tunnels', 'CONNECT is not served here.')
  return { method, target, minor }
}

function minorVersion(version: string): 0 | 1 {
  if (version === 'HTTP/1.1') return 1
  if (version === 'HTTP/1.0') return 0
  if (/^HTTP\/[0-9]\.[0-9]$/.test(version)) {
    throw new BadMessage(505, 'http_version', 'Only HTTP/1.0 and HTTP/1.1 are spoken here.')
  }
  throw new BadMessage(400, 'bad_request_line', 'The request line is not "METHOD TARGET HTTP/1.1".')
}

function parseStatusLine(line: string): { minor: 0 | 1; status: number; reason: string } {
  const version = line.slice(0, 9)
  const digits = line.slice(9, 12)
  const rest = line.slice(12)
  if ((version !== 'HTTP/1.1 ' && version !== 'HTTP/1.0 ') || !/^[1-9][0-9]{2}$/.test(digits)) {
    throw new BadMessage(502, 'bad_status_line', 'The status line is not "HTTP/1.1 STATUS REASON".')
  }
  // The space behind the status is missing in the answers of some servers that have no reason to give.
  if (rest !== '' && !rest.startsWith(' ')) {
    throw new BadMessage(502, 'bad_status_line', 'The status is not three digits.')
  }
  return { minor: version === 'HTTP/1.1 ' ? 1 : 0, status: Number(digits), reason: rest.slice(1) }
}

/** The fields of `lines`, whose first line is the request line or status line. */
function parseFields(lines: readonly string[], limits: HeadLimits): Field[] {
  if (lines.length - 1 > limits.headerCount) throw new BadMessage(431, 'too_many_fields', 'There are too many fields.')
  const fields: Field[] = []
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index]!
    const first = line.charCodeAt(0)
    if (first === 0x20 || first === 0x09)
      throw new BadMessage(400, 'folded_field', 'A field goes on over a second line.')
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (colon < 1 || !TOKEN.test(name)) throw new BadMessage(400, 'bad_field_name', 'A field has no valid name.')
    const value = trimmed(line, colon + 1)
    // As it came, unless there are more spaces around the value than the one that is usual.
    const asUsual = line.length === colon + 2 + value.length && line.charCodeAt(colon + 1) === 0x20
    fields.push({ line: asUsual ? line : `${name}: ${value}`, key: name.toLowerCase(), value })
  }
  return fields
}

/** `line` from `start`, without the spaces and tabs around it (RFC 9110 5.5). */
function trimmed(line: string, start: number): string {
  let from = start
  let to = line.length
  while (from < to && isBlank(line.charCodeAt(from))) from += 1
  while (to > from && isBlank(line.charCodeAt(to - 1))) to -= 1
  return line.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The fields that say how long a message is and what becomes of its connection, as they come. */
interface Framing {
  contentLength: number | undefined
  codings: string | undefined
  connection: string | undefined
}

function takeFraming(framing: Framing, { key, value }: Field): void {
  if (key === 'content-length') {
    // The same length twice would be allowed; a sender that says it twice is broken or up to something all the same.
    if (framing.contentLength !== undefined) {
      throw new BadMessage(400, 'several_lengths', 'There are several Content-Lengths.')
    }
    framing.contentLength = DIGITS.test(value) ? Number(value) : Number.NaN
    if (!Number.isSafeInteger(framing.contentLength)) {
      throw new BadMessage(400, 'bad_length', 'Content-Length is not a length.')
    }
  } else if (key === 'transfer-encoding') {
    framing.codings = joined(framing.codings, value)
  } else if (key === 'connection') {
    framing.connection = joined(framing.connection, value)
  }
}

/** Whether the body is chunked (RFC 9112 6.1); throws where the length of the body could be disputed. */
function checkedChunked({ codings, contentLength }: Framing, minor: 0 | 1): boolean {
  if (codings === undefined) return false
  if (minor === 0) throw new BadMessage(400, 'coding_in_http10', 'HTTP/1.0 has no Transfer-Encoding.')
  if (contentLength !== undefined) {
    throw new BadMessage(400, 'length_and_coding', 'There are both Content-Length and Transfer-Encoding.')
  }
  checkCodings(codings)
  return true
}

/** RFC 9112 9.3. */
function isKeptAlive(connection: readonly string[], minor: 0 | 1): boolean {
  return !connection.includes('close') && (minor === 1 || connection.includes('keep-alive'))
}

function joined(list: string | undefined, value: string): string {
  return list === undefined ? value : `${list}, ${value}`
}

/** `chunked`, once, is the one transfer coding that is understood (RFC 9112 6.1). */
function checkCodings(codings: string): void {
  if (codings.toLowerCase() === 'chunked') return
  for (const coding of codings.toLowerCase().split(',')) {
    const name = coding.trim()
    if (name !== 'chunked' && name !== '') {
      throw new BadMessage(501, 'unknown_coding', 'The only transfer coding known here is chunked.')
    }
  }
  throw new BadMessage(400, 'bad_coding', 'Transfer-Encoding is not "chunked".')
}

const NOTHING: readonly string[] = []

function listOf(value: string | undefined): readonly string[] {
  if (value === undefined) return NOTHING
  const items: string[] = []
  for (const item of value.toLowerCase().split(',')) {
    const trimmedItem = item.trim()
    if (trimmedItem !== '') items.push(trimmedItem)
  }
  return items
}

/**
 * A target in absolute form becomes one in origin form, and its authority takes the place of Host (RFC 9112 3.2.2).
 * `*` is for OPTIONS alone (RFC 9112 3.2.4).
 */
function normalTarget(target: string, method: string): { target: string; host?: string } {
  if (target === '*' && method === 'OPTIONS') return { target }
  const lower = target.slice(0, 8).toLowerCase()
  const start = lower.startsWith('http://') ? 7 : lower === 'https://' ? 8 : -1
  if (start < 0) throw new BadMessage(400, 'bad_target', 'The request target is neither a path nor an http URL.')
  let end = start
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end += 1
  const host = target.slice(start, end)
  if (!HOST.test(host)) throw new BadMessage(400, 'bad_target', 'The request target names no valid host.')
  const rest = target.slice(end)
  if (rest === '' && method === 'OPTIONS') return { target: '*', host }
  return { target: rest.startsWith('/') ? rest : `/${rest}`, host }
}

/**
 * Upgrade to h2c would carry requests past everything this proxy does to them (h2c smuggling); a server may ignore Upgrade,
 * so that the request is served over HTTP/1.1.
 */
function withoutHttp2(upgrade: string | undefined): string | undefined {
  if (upgrade === undefined) return undefined
  const rest = upgrade.split(',').filter((protocol) => !/^\s*(?:h2c?|$)(?:$|[\s/])/i.test(protocol))
  return rest.length === 0 ? undefined : rest.join(',').trim()
}
