/** A browser without rules: it keeps every cookie, and shows what came over the wire. */
export interface Visitor {
  readonly jar: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<Reply>
  post(path: string, json: object): Promise<Reply>
}

export interface Reply {
  readonly status: number
  readonly body: string
  readonly headers: Headers
  readonly setCookies: readonly string[]
  /** The attributes of a cookie that was set, in lower case: `{ value, path, expires, httponly: '' }`. */
  cookie(name: string): Record<string, string> | undefined
}

export function visitor(origin: string, cookies: Iterable<readonly [string, string]> = []): Visitor {
  const jar = new Map(cookies)
  return {
    jar,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, json) =>
      send(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) }),
  }

  async function send(path: string, init: RequestInit): Promise<Reply> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(cookie === '' ? {} : { cookie }), ...(init.headers as Record<string, string>) }
    const response = await fetch(new URL(path, origin), { redirect: 'manual', ...init, headers })
    const setCookies = response.headers.getSetCookie()
    const set = new Map(setCookies.map(attributesOf))
    for (const [name, { value = '' }] of set) {
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return {
      status: response.status,
      body: await response.text(),
      headers: response.headers,
      setCookies,
      cookie: (name) => set.get(name),
    }
  }
}

function attributesOf(setCookie: string): [name: string, Record<string, string>] {
  const [[name = '', value = ''] = [], ...rest] = setCookie.split(/; */).map((part) => {
    const at = part.indexOf('=')
    return at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
  })
  return [name, { value, ...Object.fromEntries(rest.map(([key = '', text = '']) => [key.toLowerCase(), text])) }]
}
