import { readFileSync } from 'node:fs'

/** Baton's version, from its package.json. */
export function versionOf(): string {
  const file = new URL(import.meta.resolve('baton/package.json'))
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}
