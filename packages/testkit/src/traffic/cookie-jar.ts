/** The cookies of one user, of one site: names, values and their end; paths and domains play no part. */
export interface CookieJar {
  /** Takes the Set-Cookie headers of an answer. */
  keep(setCookie: readonly string[] | undefined): void
  /** The Cookie header of the next request; undefined where there is nothing to send. */
  header(): string | undefined
}

export function createCookieJar(): CookieJar {
  const cookies = new Map<string, string>()
  return {
    keep(setCookie = []) {
      for (const line of setCookie) {
        const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
        const name = pair.slice(0, pair.indexOf('='))
        if (attributes.some(isEnded)) cookies.delete(name)
        else cookies.set(name, pair.slice(name.length + 1))
      }
    },
    header: () =>
      cookies.size === 0 ? undefined : Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; '),
  }
}

function isEnded(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=')
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0
  if (name.toLowerCase() === 'expires') return Date.parse(value) <= Date.now()
  return false
}
