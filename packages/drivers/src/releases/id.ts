import { BatonError } from '@baton/core'

/** A sortable UTC time stamp and the first hex digits of the source's SHA-256: `20261123T101500Z-4f2a9c`. */
export function defaultReleaseId(at: Date, sha256: string): string {
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '')
  return `${stamp}-${sha256.slice(0, 6)}`
}

/** Fails with `release-id-invalid`; an id is a folder's name, and stands beside `current` and `shared`. */
export function checkReleaseId(id: string): void {
  const valid = /^[A-Za-z0-9._-]{1,64}$/.test(id) && !id.startsWith('.') && id !== 'current' && id !== 'shared'
  if (valid) return
  throw new BatonError('release-id-invalid', `${JSON.stringify(id)} cannot be a release's id`, {
    hint: 'use 1 to 64 letters, digits, dots, dashes or underscores, the first one no dot, and neither current nor shared',
  })
}
