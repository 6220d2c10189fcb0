import { isForwardedField } from './forwarded.ts'
import type { Field, RequestHead, ResponseHead } from './message-head.ts'

/**
 * Fields that speak about one connection only (RFC 9110 7.6.1, RFC 9112 9). They are dropped, with those that Connection names,
 * and what the next connection needs is written anew.
 */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'content-length',
])

/**
 * Fields that must not stand in a trailer section, because recipients that merge it into the head would change the message's
 * framing, routing, authentication or meaning (RFC 9110 6.5.1).
 */
const NEVER_IN_TRAILERS = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'set-cookie',
  'trailer',
  'via',
  'www-authenticate',
])

export interface RequestRewrite {
  /** Lines of forwarded.ts. */
  readonly forwarded: string
  /** For an HTTP/1.0 request without Host: the address the client connected to. */
  readonly fallbackHost: string
}

/**
 * The head of a request as a node gets it, empty line included.
 *
 * Via is added because a gateway must (RFC 9110 7.6.3), under a pseudonym that tells nothing about the host. Responses get none:
 * there it is optional, tells clients about the inside, and makes some caches and compressors behave differently.
 * `Connection: keep-alive` is the default of HTTP/1.1, but makes servers such as Tomcat say how long they will keep it.
 */
export function requestHeadFor(request: RequestHead, { forwarded, fallbackHost }: RequestRewrite): string {
  const { connection, upgrade } = request
  let head = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${request.host ?? fallbackHost}\r\n`
  let trailersWanted = false
  let via = ''
  for (const { line, key, value } of request.fields) {
    if (key === 'host' || isForwardedField(key)) continue
    if (key === 'via') via += `${value}, `
    else if (key === 'te') trailersWanted ||= connection.includes('te') && /(?:^|[,\s])trailers(?:$|[,\s])/i.test(value)
    else if (key === 'expect' && request.minor === 0) continue
    else if (!isDropped(key, connection)) head += `${line}\r\n`
  }
  if (request.chunked) head += 'Transfer-Encoding: chunked\r\n'
  else if (request.contentLength !== undefined) head += `Content-Length: ${request.contentLength}\r\n`
  if (trailersWanted) head += 'TE: trailers\r\n'
  if (upgrade !== undefined) head += `Connection: upgrade${trailersWanted ? ', TE' : ''}\r\nUpgrade: ${upgrade}\r\n`
  else head += trailersWanted ? 'Connection: keep-alive, TE\r\n' : 'Connection: keep-alive\r\n'
  return `${head}${forwarded}Via: ${via}1.${request.minor} baton\r\n\r\n`
}

export interface ResponseRewrite {
  /** The lines of Connection, Transfer-Encoding, Content-Length and so on that hold for the client's connection. */
  readonly framing: string
  /** Date, for the responses that have none (RFC 9110 6.6.1). */
  readonly date: string
}

/** The head of a response as a client gets it, empty line included. */
export function responseHeadFor(response: ResponseHead, { framing, date }: ResponseRewrite): string {
  const { connection } = response
  let head = `HTTP/1.1 ${response.status} ${response.reason}\r\n`
  let dated = false
  for (const { line, key } of response.fields) {
    if (isDropped(key, connection)) continue
    if (key === 'date') dated = true
    head += `${line}\r\n`
  }
  return dated ? `${head}${framing}\r\n` : `${head}Date: ${date}\r\n${framing}\r\n`
}

/** The head of an interim response (100, 102, 103 and other 1xx) as a client gets it. */
export function interimHeadFor(response: ResponseHead): string {
  let head = `HTTP/1.1 ${response.status} ${response.reason}\r\n`
  for (const { line, key } of response.fields) {
    if (!isDropped(key, response.connection)) head += `${line}\r\n`
  }
  return `${head}\r\n`
}

/** What ends a chunked body: the last chunk, the trailers that may stand there, an empty line. */
export function lastChunkFor(trailers: readonly Field[]): string {
  let text = '0\r\n'
  for (const { line, key } of trailers) {
    if (!NEVER_IN_TRAILERS.has(key) && !isForwardedField(key)) text += `${line}\r\n`
  }
  return `${text}\r\n`
}

function isDropped(key: string, connection: readonly string[]): boolean {
  return HOP_BY_HOP.has(key) || (connection.length > 0 && connection.includes(key))
}
