import { mistake, type Reading, show } from './reading.ts'
import { suggest } from './suggestion.ts'

export const storePattern = '^(embedded|rediss?://[^/].*)$'

/** Reads where sessions are kept. No message repeats any of the text: it may hold a password. */
export function readStore(raw: unknown): Reading<string> {
  const remedy = 'write embedded, or a URL such as redis://127.0.0.1:6379/0'
  if (typeof raw !== 'string') return mistake('must be embedded or the URL of a Redis', remedy)
  if (raw === 'embedded') return { value: raw }
  if (!raw.includes('://')) {
    const meant = suggest(raw, ['embedded'])
    return mistake('must be embedded or the URL of a Redis', meant ? `did you mean ${meant}?` : remedy)
  }
  if (!/^rediss?:\/\//.test(raw)) return mistake('has a scheme that is not redis:// or rediss://', remedy)
  // WHATWG URLs allow an empty host where the scheme is not one of the web's.
  if (!URL.canParse(raw) || new URL(raw).hostname === '') {
    return mistake(
      'is no valid URL',
      'percent-encode special characters of the user and the password, and name the host',
    )
  }
  const { pathname, hash } = new URL(raw)
  if (hash !== '') return mistake('holds a # that ends the URL', 'write %23 for a # in the user or the password')
  if (!/^\/?\d*$/.test(pathname)) return mistake('names no valid database', 'end the URL with its number, such as /0')
  return { value: raw }
}

/** PROTOCOL.md of the session library, section on keys. */
export const namespacePattern = '^[A-Za-z0-9_.-]{1,64}$'

export function readNamespace(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && new RegExp(namespacePattern).test(raw)) return { value: raw }
  return mistake(`must be a name, not ${show(raw)}`, 'write 1 to 64 letters, digits and _ . -, such as app')
}

/** A URL as it may be shown: without the password, without a user that stands alone, without secret parameters. */
export function redactUrl(url: string): string {
  if (!url.includes('://')) return url
  if (!URL.canParse(url)) return `${url.slice(0, url.indexOf('://'))}://***`
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  else if (shown.username !== '') shown.username = '***'
  for (const name of new Set(shown.searchParams.keys())) {
    if (/pass|secret|token|key|auth/i.test(name)) shown.searchParams.set(name, '***')
  }
  return shown.href
}
