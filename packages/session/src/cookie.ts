import { parseCookie, stringifySetCookie } from 'cookie'
import { idOfCookie } from './id.ts'

export interface CookieOptions {
  /** The same on every node, Tomcat's included. Default `JSESSIONID`. */
  readonly name?: string
  /** Default `/`. */
  readonly path?: string
  readonly domain?: string
  /** Default `lax`. */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /** Default `auto`: when the request came over TLS (see `trustProxy`). */
  readonly secure?: 'auto' | boolean
}

/** Reads and writes the one cookie, which holds the id and nothing else. Always HttpOnly, for the browser's session. */
export interface SessionCookie {
  read(header: string | undefined): string | undefined
  set(id: string, request: { readonly secure: boolean }): string
  clear(request: { readonly secure: boolean }): string
}

export function sessionCookie(options: CookieOptions): SessionCookie {
  const { name = 'JSESSIONID', path = '/', domain, sameSite = 'lax', secure = 'auto' } = options

  return {
    read(header) {
      if (header === undefined || !header.includes(name)) return undefined
      return idOfCookie(parseCookie(header)[name] ?? '')
    },
    set: (id, request) => stringifySetCookie({ name, value: id, ...attributes(request) }),
    clear: (request) => stringifySetCookie({ name, value: '', maxAge: 0, ...attributes(request) }),
  }

  function attributes(request: { readonly secure: boolean }) {
    return {
      path,
      ...(domain === undefined ? {} : { domain }),
      httpOnly: true,
      sameSite,
      secure: secure === 'auto' ? request.secure : secure,
    }
  }
}
