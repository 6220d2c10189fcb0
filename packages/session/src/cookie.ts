import { stringifySetCookie } from 'cookie'
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

interface Seen {
  /** The request came over TLS. */
  readonly secure: boolean
}

/** Reads and writes the one cookie, which holds the id and nothing else. Always HttpOnly, for the browser's session. */
export interface SessionCookie {
  read(header: string | undefined): string | undefined
  set(id: string, request: Seen): string
  clear(request: Seen): string
}

/**
 * Reads and writes what a browser saw committed last, so that no near cache serves it anything older. Four cookies that
 * take turns, as answers may overtake one another on their way: the largest version counts.
 */
export interface StampCookie {
  read(header: string | undefined): number | undefined
  set(version: number, request: Seen): string
}

export function sessionCookie(options: CookieOptions): SessionCookie {
  const { name = defaultName } = options
  const attributes = attributesOf(options)

  return {
    read(header) {
      const value = cookieValue(header, name)
      return value === undefined ? undefined : idOfCookie(value)
    },
    set: (id, request) => stringifySetCookie({ name, value: id, ...attributes(request) }),
    clear: (request) => stringifySetCookie({ name, value: '', maxAge: 0, ...attributes(request) }),
  }
}

/** Stamps last for `maxAgeMs`, rounded up to seconds: longer than what they guard against. */
export function stampCookie(options: CookieOptions, maxAgeMs: number): StampCookie {
  const prefix = `${options.name ?? defaultName}_v`
  const names = Array.from({ length: stampSlots }, (_, slot) => `${prefix}${slot}`)
  const attributes = attributesOf(options)
  const maxAge = Math.ceil(maxAgeMs / 1000)

  return {
    read(header) {
      if (header?.includes(prefix) !== true) return undefined
      let latest: number | undefined
      for (const name of names) {
        const value = cookieValue(header, name)
        if (value === undefined || !/^\d{1,15}$/.test(value)) continue
        latest = Math.max(latest ?? 0, Number(value))
      }
      return latest
    },
    set(version, request) {
      const name = names[version % stampSlots]!
      return stringifySetCookie({ name, value: String(version), maxAge, ...attributes(request) })
    },
  }
}

const defaultName = 'JSESSIONID'
const stampSlots = 4

/**
 * The first value of a cookie in a Cookie header (RFC 6265, 4.2), as it stands there: neither ids nor versions have
 * anything to decode. No other cookie of the header is looked into.
 */
function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + 1)) {
    if (!beginsPair(header, at)) continue
    let equals = at + name.length
    while (isSpace(header, equals)) equals += 1
    if (header.charCodeAt(equals) !== 0x3d) continue
    const end = header.indexOf(';', equals)
    return header.slice(equals + 1, end === -1 ? undefined : end).trim()
  }
  return undefined
}

function beginsPair(header: string, at: number): boolean {
  let before = at - 1
  while (isSpace(header, before)) before -= 1
  return before < 0 || header.charCodeAt(before) === 0x3b
}

function isSpace(header: string, at: number): boolean {
  const code = header.charCodeAt(at)
  return code === 0x20 || code === 0x09
}

function attributesOf(options: CookieOptions) {
  const { path = '/', domain, sameSite = 'lax', secure = 'auto' } = options
  return (request: Seen) => ({
    path,
    ...(domain === undefined ? {} : { domain }),
    httpOnly: true,
    sameSite,
    secure: secure === 'auto' ? request.secure : secure,
  })
}
