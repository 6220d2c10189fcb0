import { type IncomingHttpHeaders, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly setCookie: readonly string[]
  readonly body: string
}

/** A browser with one cookie, over plain node:http, so that nothing hides what is on the wire. */
export interface Browser {
  cookie: string | undefined
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  send(method: string, path: string, headers?: Record<string, string>): Promise<Answer>
}

export function browser(origin: string, cookie?: string): Browser {
  const self: Browser = {
    cookie,
    get: (path, headers) => self.send('GET', path, headers),
    async send(method, path, headers = {}) {
      const sent = self.cookie === undefined ? headers : { cookie: `JSESSIONID=${self.cookie}`, ...headers }
      const answer = await exchange(method, new URL(path, origin), sent)
      for (const line of answer.setCookie) {
        const value = /^JSESSIONID=([^;]*)/.exec(line)?.[1]
        if (value !== undefined) self.cookie = value === '' ? undefined : value
      }
      return answer
    },
  }
  return self
}

function exchange(method: string, url: URL, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          setCookie: res.headers['set-cookie'] ?? [],
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    req.on('error', reject)
    req.end()
  })
}
