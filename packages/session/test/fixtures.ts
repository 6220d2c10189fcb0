import { readFileSync } from 'node:fs'

export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as T
}

/** The fixtures' notation for what JSON cannot say. */
export function meant(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const [kind, text] = Object.entries(value)[0] ?? []
  if (kind === '$undefined') return undefined
  if (kind === '$bigint') return BigInt(text)
  if (kind === '$number') return Number(text)
  if (kind === '$date') return new Date(text)
  if (kind === '$hex') return Buffer.from(text, 'hex')
  return value
}
