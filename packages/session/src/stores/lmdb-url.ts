import { fileURLToPath } from 'node:url'
import { SessionError } from '../errors.ts'

/**
 * `lmdb:./data/sessions`, `lmdb:/var/lib/shop`, and `lmdb:///var/lib/shop` as people write it; `?maxBytes=256MiB` behind
 * it (bytes, KiB, MiB or GiB). Throws SessionError `session-options`.
 */
export function parseLmdbUrl(url: string): { readonly path: string; readonly maxBytes?: number } {
  const [place = '', query] = url.split('?', 2)
  const path = place.startsWith('lmdb://')
    ? fileURLToPath(`file:${place.slice('lmdb:'.length)}`)
    : place.slice('lmdb:'.length)
  if (path === '') throw wrong('the session store has no path; write lmdb:<folder>')
  const parameters = new URLSearchParams(query)
  const unknown = [...parameters.keys()].find((name) => name !== 'maxBytes')
  if (unknown !== undefined) {
    throw wrong(`the session store's parameter ${JSON.stringify(unknown)} is unknown; lmdb: takes maxBytes`)
  }
  const size = parameters.get('maxBytes')
  return size === null ? { path } : { path, maxBytes: parseBytes(size) }
}

function parseBytes(size: string): number {
  const [, digits, unit = ''] = /^(\d{1,15})(KiB|MiB|GiB)?$/.exec(size) ?? []
  const bytes = Number(digits) * (factors[unit] ?? 1)
  if (bytes >= leastBytes) return bytes
  throw wrong(
    `the session store's maxBytes is ${JSON.stringify(size)}; write at least 4MiB, like lmdb:<folder>?maxBytes=256MiB`,
  )
}

const factors: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** Below this, pages in flight would be more than what is kept. */
const leastBytes = 4 * 2 ** 20

function wrong(message: string): SessionError {
  return new SessionError('session-options', message)
}
