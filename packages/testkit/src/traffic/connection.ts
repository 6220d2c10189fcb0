import http from 'node:http'

/**
 * One client of the balancer: a single keep-alive connection, as a browser or an app's HTTP client holds it. It carries
 * one request at a time and never sends one again: a reset of the idle connection that a request was just written to is
 * an error that the caller sees.
 */
export interface Connection {
  /** Rejects when the connection fails, or when the whole answer is not there `timeoutMs` after the call. */
  exchange(request: Outgoing, timeoutMs: number): Promise<Answer>
  /** TCP connections opened so far: 1, unless the other side closed some. */
  opened(): number
  close(): void
}

export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

export function openConnection(origin: URL): Connection {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  let opened = 0

  return {
    exchange: (outgoing, timeoutMs) =>
      new Promise((resolve, reject) => {
        const body = outgoing.body === undefined ? undefined : Buffer.from(outgoing.body)
        const request = http.request({
          agent,
          host: origin.hostname,
          port: origin.port === '' ? 80 : Number(origin.port),
          method: outgoing.method,
          path: outgoing.path,
          headers: { host: origin.host, ...outgoing.headers, ...(body && { 'content-length': body.length }) },
        })
        const timer = setTimeout(
          () => request.destroy(new Error(`no complete answer within ${timeoutMs} ms`)),
          timeoutMs,
        )
        const fail = (error: Error) => {
          clearTimeout(timer)
          reject(error)
        }
        request.once('socket', () => {
          if (!request.reusedSocket) opened += 1
        })
        request.once('error', fail)
        request.once('response', (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          // An answer cut short ends with 'error' ("aborted"), never with 'end'.
          response.once('error', fail)
          response.once('end', () => {
            clearTimeout(timer)
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            })
          })
        })
        request.end(body)
      }),
    opened: () => opened,
    close: () => agent.destroy(),
  }
}
