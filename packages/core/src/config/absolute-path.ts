import { mistake, type Reading, show } from './reading.ts'

export const absolutePattern = '^/'

/** What a configuration of nginx or HAProxy can hold as it stands, whatever quotes it is put in. */
const plain = /^\/[^\p{Cc}"'`\\;{}$#]*$/u

/** unix(7): what fits into sun_path on Linux, without its final NUL. */
const longestSocket = 107

/** Reads the absolute path of a folder or a file; a slash at its end is dropped. */
export function readAbsolute(raw: unknown): Reading<string> {
  if (typeof raw !== 'string' || !raw.startsWith('/')) {
    return mistake(`must be an absolute path, not ${show(raw)}`, 'write one that begins with /')
  }
  if (!plain.test(raw)) {
    return mistake('holds a quote, a bracket or another special character', 'choose a path of plain characters')
  }
  return { value: raw.replace(/(?<=.)\/+$/, '') }
}

/** Reads the absolute path of a unix socket. */
export function readSocket(raw: unknown): Reading<string> {
  const path = readAbsolute(raw)
  if (!('value' in path) || new TextEncoder().encode(path.value).length <= longestSocket) return path
  return mistake(`is longer than the path of a socket may be (${longestSocket} bytes)`, 'choose a shorter one')
}
