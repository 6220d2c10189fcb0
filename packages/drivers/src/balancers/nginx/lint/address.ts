/** `127.0.0.1:3001` for the ways of writing it; null where it is no host and port (a socket, a variable). */
export function addressKey(text: string, defaultPort: number): string | null {
  if (/^unix:|\$/.test(text)) return null
  const match = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d+))?$/.exec(text)
  const host = match?.[1]?.replace(/^\[|\]$/g, '').toLowerCase()
  if (host === undefined) return null
  return `${host === 'localhost' ? '127.0.0.1' : host}:${match?.[2] ?? defaultPort}`
}

/** The same of a node's address. */
export function nodeKey(address: { readonly host: string; readonly port: number }): string {
  const host = address.host.toLowerCase()
  return `${host === 'localhost' ? '127.0.0.1' : host}:${address.port}`
}
