import type { Section } from './sections.ts'

export interface Server {
  readonly name: string
  /** As written. */
  readonly address: string
  readonly line: number
  /** Those of the default-server lines above it come first. */
  readonly parameters: readonly string[]
}

export function serversOf(section: Section): readonly Server[] {
  let defaults: readonly string[] = defaultsOf(section.defaults)
  return section.lines.flatMap(({ keyword, args, line, negated }) => {
    if (keyword === 'default-server') defaults = [...defaults, ...args]
    if (keyword !== 'server' || negated) return []
    const [name = '', address = '', ...own] = args
    return [{ name, address, line, parameters: [...defaults, ...own] }]
  })
}

export function namesOf(servers: readonly Server[]): string {
  return servers.map(({ name }) => name).join(', ')
}

/** The last of a parameter's values; null where it has none. */
export function parameter(server: Server, name: string): string | null {
  const at = server.parameters.lastIndexOf(name)
  return at === -1 ? null : (server.parameters[at + 1] ?? null)
}

/** `host:port` for the ways of writing it; null for what cannot be compared: a socket, a variable. */
export function addressKey(address: string): string | null {
  const match = /^(?:ipv[46]@)?(\[[^\]]+\]|[^@$/]+):(\d+)$/.exec(address)
  if (match === null) return null
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '').toLowerCase()
  return `${host === 'localhost' ? '127.0.0.1' : host}:${match[2]}`
}

function defaultsOf(section: Section | null): readonly string[] {
  if (section === null) return []
  const own = section.lines.filter(({ keyword }) => keyword === 'default-server').flatMap(({ args }) => args)
  return [...defaultsOf(section.defaults), ...own]
}
