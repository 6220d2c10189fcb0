import { expect } from 'vitest'

/** A user of the shop, with a cookie. */
export interface Browser {
  /** The way of programs: POST /login. */
  login(user: string): Promise<void>
  /** At Tomcat's form, /account. */
  loginByForm(user: string): Promise<void>
  put(item: string): Promise<Response>
  logout(): Promise<void>
  /** GET /me. Fails unless the answer is 200. */
  me(): Promise<Readonly<Record<string, unknown>>>
  /** POST /slow, which takes so long; node: null where none has answered. */
  linger(ms: number): Promise<{ readonly status: number; readonly node: string | null }>
  /** From now on everything is asked of this URL, with the same cookies. */
  goTo(url: string): void
  /** Another with the cookies that this one has now. */
  twin(): Browser
}

export function openBrowser(firstUrl: string, firstCookies: Iterable<readonly [string, string]> = []): Browser {
  const cookies = new Map(firstCookies)
  let url = firstUrl

  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = Array.from(cookies, (pair) => pair.join('=')).join('; ')
    const headers = { ...init.headers, ...(cookie === '' ? {} : { cookie }) }
    const response = await fetch(`${url}${path}`, { redirect: 'manual', ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  const post = (path: string, fields: Readonly<Record<string, string>>) =>
    ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) })

  return {
    async login(user) {
      expect((await post('/login', { user })).status).toBe(200)
    },
    async loginByForm(user) {
      const form = await ask('/account')
      expect(await form.text()).toContain('j_security_check')
      const fields = new URLSearchParams({ j_username: user, j_password: 'shop' })
      const answer = await ask('/j_security_check', { method: 'POST', body: fields })
      expect({ status: answer.status, location: answer.headers.get('location') }).toEqual({
        status: 303,
        location: '/account',
      })
    },
    put: (item) => post('/cart', { item }),
    async logout() {
      expect((await post('/logout', {})).status).toBe(200)
    },
    async me() {
      const answer = await ask('/me')
      expect(answer.status).toBe(200)
      return (await answer.json()) as Record<string, unknown>
    },
    async linger(ms) {
      const answer = await post(`/slow?ms=${ms}`, {})
      return { status: answer.status, node: answer.headers.get('baton-node') }
    },
    goTo(next) {
      url = next
    },
    twin: () => openBrowser(url, cookies),
  }
}
