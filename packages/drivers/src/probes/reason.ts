/** What a failed connection means, in a person's words. */
export function reasonOf(error: NodeJS.ErrnoException, host: string): string {
  const code = error.code ?? ''
  if (code.startsWith('HPE_')) return `what answered does not speak HTTP (${error.message})`
  return REASONS[code]?.(host) ?? error.message
}

const REASONS: Readonly<Record<string, (host: string) => string>> = {
  ECONNREFUSED: () => 'connection refused',
  ECONNRESET: () => 'connection reset',
  EPIPE: () => 'connection reset',
  ETIMEDOUT: (host) => `${host} does not answer`,
  ENOTFOUND: (host) => `host ${host} not found`,
  EAI_AGAIN: (host) => `host ${host} not found`,
  EHOSTUNREACH: (host) => `host ${host} cannot be reached`,
  ENETUNREACH: (host) => `host ${host} cannot be reached`,
}
