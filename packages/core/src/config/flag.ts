import { mistake, type Reading, show } from './reading.ts'

/** Reads true or false; YAML 1.2 knows no yes and no. */
export function readFlag(raw: unknown): Reading<boolean> {
  if (typeof raw === 'boolean') return { value: raw }
  return mistake(`must be true or false, not ${show(raw)}`, 'write true or false, without quotes')
}
