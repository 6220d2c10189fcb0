/** A browser that goes from node to node, of whatever kind, and follows no redirect by itself. */
export interface Visitor {
  /** The session's cookie; undefined: none. */
  id: string | undefined
  get(url: string): Promise<Answer>
  post(url: string, form: Readonly<Record<string, string>>): Promise<Answer>
  /** The body; throws unless the answer is 200. */
  read(url: string): Promise<string>
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Headers
  /** Lines of Set-Cookie for the session's cookie. */
  readonly sessionCookies: readonly string[]
}

export function visitor(id?: string): Visitor {
  const jar = new Map<string, string>()
  const self: Visitor = {
    get id() {
      return jar.get(name)
    },
    set id(value) {
      if (value === undefined) jar.delete(name)
      else jar.set(name, value)
    },
    get: (url) => send(url, {}),
    post: (url, form) => send(url, { method: 'POST', body: new URLSearchParams(form) }),
    async read(url) {
      const { status, body } = await self.get(url)
      if (status !== 200) throw new Error(`${url} answers ${status}: ${body.slice(0, 2_000)}`)
      return body
    },
  }
  self.id = id
  return self

  async function send(url: string, init: RequestInit): Promise<Answer> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: cookie === '' ? {} : { cookie } })
    const lines = response.headers.getSetCookie()
    for (const line of lines) {
      const [pair = ''] = line.split(';', 1)
      const at = pair.indexOf('=')
      if (at === pair.length - 1) jar.delete(pair.slice(0, at))
      else jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const sessionCookies = lines.filter((line) => line.startsWith(`${name}=`))
    return { status: response.status, body: await response.text(), headers: response.headers, sessionCookies }
  }
}

const name = 'JSESSIONID'
