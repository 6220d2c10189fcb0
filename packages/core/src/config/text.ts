import { mistake, type Reading, show } from './reading.ts'

export const namePattern = '^[a-z0-9-]+$'
export const nodeIdPattern = '^[a-z0-9][a-z0-9-]*$'

/** Longer ones would not fit into a host name, a label or a file name everywhere. */
const longestName = 63

export function readName(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && new RegExp(namePattern).test(raw) && raw.length <= longestName) return { value: raw }
  if (typeof raw === 'number') return mistake('must be a text, not a number', `write "${raw}", in quotes`)
  return mistake(`must be a name, not ${show(raw)}`, `write 1 to ${longestName} of the characters a-z, 0-9 and -`)
}

/** What is wrong with the id of a node. */
export function misnamedNode(id: string) {
  if (new RegExp(nodeIdPattern).test(id) && id.length <= longestName) return undefined
  return mistake('is no id of a node', `write 1 to ${longestName} of the characters a-z, 0-9 and -, the first no dash`)
}

/** HAProxy's configuration manual, "proxy names". */
export const backendPattern = '^[A-Za-z0-9_.:-]+$'

export function readBackend(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && new RegExp(backendPattern).test(raw)) return { value: raw }
  return mistake(`must be the name of a backend, not ${show(raw)}`, 'write letters, digits and - _ . : alone')
}

export function readSource(raw: unknown): Reading<string> {
  if (typeof raw !== 'string' || raw.trim() === '') {
    return mistake(`must be a path, not ${show(raw)}`, 'write a directory or an archive, such as ./build')
  }
  if (raw.includes('://')) return mistake('must be a path, not a URL', 'fetch it first, and write where it lies')
  return raw.includes('\0') ? mistake('holds a NUL character', 'remove it') : { value: raw }
}

export function readHealthPath(raw: unknown): Reading<string> {
  if (typeof raw === 'string' && /^\/[!-~]*$/.test(raw) && !raw.includes('#')) return { value: raw }
  return mistake(`must be the path of a URL, not ${show(raw)}`, 'write one that begins with /, such as /healthz')
}
