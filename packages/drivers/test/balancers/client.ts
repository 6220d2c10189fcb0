import { Agent, type IncomingMessage, request } from 'node:http'

/** A client as browsers are: one keep-alive connection, used again for each request. Nothing is ever sent twice. */
export interface Client {
  send(path: string, options?: SendOptions): Promise<Answer>
  close(): void
}

interface SendOptions {
  readonly method?: string
  readonly body?: string
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly node: string | null
  readonly body: string
  /** The client's own port: the same port is the same connection. */
  readonly localPort: number
}

export function createClient(address: { readonly host: string; readonly port: number }): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    async send(path, { method = 'GET', body = '', signal } = {}) {
      const response = await open(address, { path, method, body, agent, ...(signal === undefined ? {} : { signal }) })
      const localPort = response.socket.localPort ?? 0
      let text = ''
      for await (const chunk of response) text += chunk
      return { status: response.statusCode ?? 0, node: nodeOf(response), body: text, localPort }
    },
    close: () => agent.destroy(),
  }
}

/** The answer as soon as its headers are there, on a connection of its own. */
export function openStream(address: { host: string; port: number }, path: string): Promise<IncomingMessage> {
  return open(address, { path, method: 'GET', body: '', agent: false })
}

function open(
  { host, port }: { readonly host: string; readonly port: number },
  { body, ...options }: { path: string; method: string; body: string; agent: Agent | false; signal?: AbortSignal },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': Buffer.byteLength(body) }
    const outgoing = request({ host, port, ...options, headers }, resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function nodeOf({ headers }: IncomingMessage): string | null {
  const node = headers['x-node']
  return typeof node === 'string' ? node : null
}
