import { mistake, type Reading, show } from './reading.ts'
import type { Address } from './types.ts'

export const addressPattern = '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?):[0-9]{1,5}$'

/** Reads `host:port`, an IPv6 host in brackets. The host comes out without brackets, in its canonical form. */
export function readAddress(raw: unknown): Reading<Address> {
  if (typeof raw === 'number') return mistake(`must be host:port, not ${raw}`, `write 127.0.0.1:${raw}`)
  if (typeof raw !== 'string') return mistake(`must be host:port, not ${show(raw)}`, 'write one such as 127.0.0.1:3001')
  if (raw.includes('://')) return mistake('must be host:port, not a URL', 'write the host and the port alone')
  const ported = /^(.*):(\d+)$/s.exec(raw)
  if (!ported) return mistake(`has no port: ${show(raw)}`, 'write host:port, such as 127.0.0.1:3001')
  const [, written = '', digits = ''] = ported
  const port = Number(digits)
  if (port < 1 || port > 65_535) return mistake(`has no such port: ${digits}`, 'write a port from 1 to 65535')
  if (written === '' || written === '*')
    return mistake('has no host', `write 127.0.0.1:${port}, or 0.0.0.0:${port} for all`)
  const host = canonicalHost(written)
  if (host !== undefined) return { value: { host, port } }
  if (written.includes(':') && !written.startsWith('[')) {
    return mistake(`has an IPv6 host without brackets: ${show(raw)}`, `write "[${written}]:${port}", in quotes`)
  }
  return mistake(
    `has no valid host: ${show(raw)}`,
    'write a host name, an IPv4 address, or an IPv6 address in brackets',
  )
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether both cannot be listened on at the same time. */
export function collide(a: Address, b: Address): boolean {
  if (a.port !== b.port) return false
  const [hostA, hostB] = [loopbackOf(a.host), loopbackOf(b.host)]
  return hostA === hostB || (isWildcard(hostA) && isLocal(hostB)) || (isWildcard(hostB) && isLocal(hostA))
}

function canonicalHost(written: string): string | undefined {
  if (written.startsWith('[')) {
    const url = URL.canParse(`http://${written}`) ? new URL(`http://${written}`) : undefined
    return url && url.host === url.hostname ? url.hostname.slice(1, -1) : undefined
  }
  if (/^[\d.]+$/.test(written)) {
    const octets = written.split('.')
    return octets.length === 4 && octets.every((each) => /^\d{1,3}$/.test(each) && Number(each) < 256)
      ? written
      : undefined
  }
  return /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(written) ? written.toLowerCase() : undefined
}

function loopbackOf(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function isLocal(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || isWildcard(host)
}
