import { isIPv6 } from 'node:net'
import type { RequestHead } from './message-head.ts'

/** Tells nodes who the client is: X-Forwarded-For, -Proto, -Host and Forwarded (RFC 7239). One per client connection. */
export interface ForwardedFields {
  /** The lines for this request, each with its CR LF. */
  lines(request: RequestHead): string
}

export interface ForwardedOptions {
  /** The client's address as its socket gives it. */
  readonly address: string
  /**
   * Whether what the client itself says in these fields is believed: true only where every client is a proxy of one's own.
   * Otherwise it is replaced, since anybody can claim to be anybody.
   */
  readonly trustForwarded: boolean
}

/** Fields of the client that are replaced, or appended to by `lines` where they are trusted. */
export function isForwardedField(key: string): boolean {
  return key === 'forwarded' || key.startsWith('x-forwarded-')
}

const PROTO = 'http'

export function createForwardedFields({ address, trustForwarded }: ForwardedOptions): ForwardedFields {
  const client = plainAddress(address)
  const element = isIPv6(client) ? `for="[${client}]"` : `for=${client}`
  // The requests of one connection are for one host, as a rule.
  let lastHost: string | undefined
  let lastLines = ''

  function untrusted(host: string | undefined): string {
    if (lastLines === '' || host !== lastHost) {
      lastHost = host
      lastLines =
        `X-Forwarded-For: ${client}\r\nX-Forwarded-Proto: ${PROTO}\r\n` +
        (host === undefined ? '' : `X-Forwarded-Host: ${host}\r\n`) +
        `Forwarded: ${element}${hostElement(host)};proto=${PROTO}\r\n`
    }
    return lastLines
  }

  function trusted({ fields, host }: RequestHead): string {
    let lines = ''
    const earlier = new Map<string, string>()
    for (const { line, key, value } of fields) {
      if (!isForwardedField(key)) continue
      const list = earlier.get(key)
      earlier.set(key, list === undefined ? value : `${list}, ${value}`)
      if (key !== 'forwarded' && key !== 'x-forwarded-for') lines += `${line}\r\n`
    }
    const addresses = earlier.get('x-forwarded-for')
    const elements = earlier.get('forwarded')
    lines += `X-Forwarded-For: ${addresses === undefined ? '' : `${addresses}, `}${client}\r\n`
    if (!earlier.has('x-forwarded-proto')) lines += `X-Forwarded-Proto: ${PROTO}\r\n`
    if (!earlier.has('x-forwarded-host') && host !== undefined) lines += `X-Forwarded-Host: ${host}\r\n`
    // Forwarded is only of use when it tells the whole way: after proxies that do not write it, it would tell the last part.
    if (elements === undefined && addresses !== undefined) return lines
    const before = elements === undefined ? '' : `${elements}, `
    return `${lines}Forwarded: ${before}${element}${hostElement(host)};proto=${PROTO}\r\n`
  }

  return { lines: (request) => (trustForwarded ? trusted(request) : untrusted(request.host)) }
}

/** A host is a token only without a port and not as an IPv6 address: quoting it always is correct, and simple (RFC 7239 4). */
function hostElement(host: string | undefined): string {
  return host === undefined ? '' : `;host="${host}"`
}

/** IPv4 clients of a dual-stack listener appear as ::ffff:192.0.2.1; link-local ones carry a zone that is of no use elsewhere. */
function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  return bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare
}
