import { parseJson } from '../format/value.ts'

/** The note in which the middleware's cookie object is kept: attributes stay what the app has put there. */
export const cookieField = '@j.cookie'

export interface Lifetime {
  /** From now on; 0 or less: over already. */
  readonly ttlMs: number
  /** What a request extends it by. */
  readonly intervalMs: number
}

/** As connect-redis takes it: `expires` counts, and where there is none, the interval of the store does. */
export function lifetimeOf(cookie: unknown, defaultMs: number): Lifetime {
  const { originalMaxAge, expires } = (cookie ?? {}) as { originalMaxAge?: unknown; expires?: unknown }
  const maxAgeMs = typeof originalMaxAge === 'number' ? originalMaxAge : undefined
  const endsAtMs = expires instanceof Date || typeof expires === 'string' ? new Date(expires).getTime() : Number.NaN
  const ttlMs = Number.isNaN(endsAtMs) ? (maxAgeMs ?? defaultMs) : endsAtMs - Date.now()
  return { ttlMs, intervalMs: maxAgeMs ?? ttlMs }
}

/**
 * What is worth writing of a cookie object. `expires` moves with each request, and follows from the session's own
 * expiry, unless it was given as a date of its own.
 */
export function cookieNote(cookie: unknown, before: Buffer | undefined): Buffer | undefined {
  if (typeof cookie !== 'object' || cookie === null) return undefined
  const { originalExpires: _, ...plain } = JSON.parse(JSON.stringify(cookie)) as Record<string, unknown>
  const maxAgeMs = plain.originalMaxAge
  if (typeof maxAgeMs === 'number') {
    delete plain.expires
    const knownMs = plainObject(before).originalMaxAge
    // express-session loses a millisecond now and then as it counts back from the date.
    if (typeof knownMs === 'number' && Math.abs(maxAgeMs - knownMs) < 10) plain.originalMaxAge = knownMs
  }
  return Buffer.from(JSON.stringify(plain))
}

/** The cookie object as the middleware expects it. For a session that another adapter began: a cookie until the browser ends. */
export function cookieOf(note: Buffer | undefined, ttlMs: number): Record<string, unknown> {
  const cookie = plainObject(note)
  if (typeof cookie.originalMaxAge === 'number') cookie.expires = new Date(Date.now() + ttlMs)
  else if (typeof cookie.expires === 'string') cookie.expires = new Date(cookie.expires)
  return cookie
}

function plainObject(note: Buffer | undefined): Record<string, unknown> {
  try {
    const parsed = note === undefined ? undefined : parseJson(note.toString())
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed }
  } catch {
    // A note that cannot be read says nothing.
  }
  return { originalMaxAge: null, expires: null }
}
