import { posix } from 'node:path'

/**
 * Whether a symbolic link at `path` (relative to the root it must stay in) stays inside. `..` counts only at the start of
 * its target: after a name, that name could itself be a link, and `..` lead anywhere.
 */
export function linkStaysInside(path: string, target: string): boolean {
  if (target === '' || posix.isAbsolute(target) || target.includes('\0')) return false
  const steps = target.split('/').filter((step) => step !== '' && step !== '.')
  const firstName = steps.findIndex((step) => step !== '..')
  if (firstName !== -1 && steps.indexOf('..', firstName) !== -1) return false
  const ups = firstName === -1 ? steps.length : firstName
  const depth = path.split('/').length - 1
  return ups <= depth
}
