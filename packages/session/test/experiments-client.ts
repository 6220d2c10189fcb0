import { Agent, request } from 'node:http'

/** What a browser would do with the answer's session cookie: keep it, forget what it has, or nothing. */
export type CookieChange = { readonly set: string } | 'clear' | undefined

export interface Reply {
  readonly status: number
  readonly location: string | undefined
  readonly cookie: CookieChange
  readonly body: string
}

/** Asks without a jar, so that an experiment decides which cookie goes out and in which order answers are taken in. */
export interface Asker {
  ask(url: string, cookie: string | undefined): Promise<Reply>
  /** Resolves as soon as the headers are there, as a browser that follows a redirect does; the body is dropped. */
  askForHead(url: string, cookie: string | undefined): Promise<Reply>
  close(): void
}

export function asker(): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  return {
    ask: (url, cookie) => exchange(url, cookie, 'whole'),
    askForHead: (url, cookie) => exchange(url, cookie, 'head'),
    close: () => agent.destroy(),
  }

  function exchange(url: string, cookie: string | undefined, part: 'whole' | 'head'): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const headers = cookie === undefined ? {} : { cookie: `JSESSIONID=${cookie}` }
      const req = request(url, { agent, headers }, (res) => {
        const chunks: Buffer[] = []
        const head = {
          status: res.statusCode ?? 0,
          location: res.headers.location,
          cookie: lastChange(res.headers['set-cookie'] ?? []),
        }
        if (part === 'head') resolve({ ...head, body: '' })
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () => resolve({ ...head, body: Buffer.concat(chunks).toString() }))
      })
      req.on('error', reject)
      req.end()
    })
  }
}

/** The jar after one more answer: the last Set-Cookie wins (RFC 6265, section 5.3). */
export function jarAfter(jar: string | undefined, change: CookieChange): string | undefined {
  if (change === undefined) return jar
  return change === 'clear' ? undefined : change.set
}

function lastChange(lines: readonly string[]): CookieChange {
  const values = lines.flatMap((line) => /^JSESSIONID=([^;]*)/.exec(line)?.[1] ?? [])
  const last = values.at(-1)
  if (last === undefined) return undefined
  return last === '' ? 'clear' : { set: last }
}
