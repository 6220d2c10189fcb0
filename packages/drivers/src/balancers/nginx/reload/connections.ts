import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { endianness } from 'node:os'

/** Whether a process that shares the network of `pid` has an open connection to the address: proc_pid_net(5), Linux only. */
export async function hasConnectionTo(address: string, { pid }: { readonly pid: number }): Promise<boolean> {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
  const found = await lookup(host, { all: true })
  const wanted = new Set(found.flatMap((each) => inTables(each.address, Number(port))))
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  )
  return tables.some((table) => table.split('\n').some((line) => isEstablishedTo(line, wanted)))
}

/** `sl local_address rem_address st …`, the addresses as hexadecimal words in the order of this machine's bytes. */
function isEstablishedTo(line: string, wanted: ReadonlySet<string>): boolean {
  const [, , remote = '', state] = line.trim().split(/\s+/)
  return state === ESTABLISHED && wanted.has(remote)
}

const ESTABLISHED = '01'

/** As the tables write it; an IPv4 address stands in the one of IPv6 as well (RFC 4291 2.5.5.2). */
export function inTables(address: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  if (!address.includes(':')) {
    const bytes = address.split('.').map(Number)
    return [words(bytes) + suffix, words([...Array<number>(10).fill(0), 255, 255, ...bytes]) + suffix]
  }
  return [words(bytesOfIPv6(address)) + suffix]
}

function words(bytes: readonly number[]): string {
  const swaps = endianness() === 'LE'
  const hex = bytes.map((_, index) => {
    const byte = bytes[swaps ? index - (index % 4) + 3 - (index % 4) : index] ?? 0
    return byte.toString(16).padStart(2, '0')
  })
  return hex.join('').toUpperCase()
}

function bytesOfIPv6(address: string): number[] {
  // A URL writes the last four bytes in hexadecimal too, and everything in lower case.
  const plain = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = [], tail = []] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].flatMap((group) => [
    Number.parseInt(group, 16) >> 8,
    Number.parseInt(group, 16) & 255,
  ])
}
