import { request } from 'node:http'

export interface AdminAnswer {
  readonly status: number
  /** The parsed JSON; undefined where there was none. */
  readonly body: unknown
}

export interface AdminCall {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly timeoutMs: number
}

/** One request to the admin API at a unix socket, on a connection of its own. Rejects with the system's error. */
export function callAdmin(
  socketPath: string,
  { method, path, headers, body, timeoutMs }: AdminCall,
): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const signal = AbortSignal.timeout(timeoutMs)
    const outgoing = request({ socketPath, method, path, headers: { ...headers }, agent: false, signal })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        try {
          const answer = Buffer.concat(chunks).toString('utf8')
          resolve({ status: incoming.statusCode ?? 0, body: answer === '' ? undefined : JSON.parse(answer) })
        } catch (error) {
          reject(error)
        }
      })
    })
    if (text !== undefined) {
      outgoing.setHeader('Content-Type', 'application/json')
      outgoing.setHeader('Content-Length', Buffer.byteLength(text))
    }
    outgoing.end(text)
  })
}
