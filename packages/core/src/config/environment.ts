import { mistake, type Reading } from './reading.ts'

/** Reads the value of an environment variable. No message repeats any of it: it may be a secret. */
export function readVariable(raw: unknown): Reading<string> {
  if (typeof raw === 'number' || typeof raw === 'boolean') {
    return mistake(`must be a text, not a ${typeof raw}`, 'put the value in quotes')
  }
  if (typeof raw !== 'string') return mistake('must be a text', 'write one value, in quotes')
  if (raw.includes('\0')) return mistake('holds a NUL character', 'remove it: no environment can hold one')
  return { value: raw }
}

/** What is wrong with the name of an environment variable. */
export function misnamed(name: string) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return mistake('is no name of an environment variable', 'write NAME: "value", the name in letters, digits and _')
  }
  if (name === 'HOST' || name === 'PORT' || name.startsWith('BATON_')) {
    return mistake('is set by Baton', 'remove it: HOST and PORT come from the address, BATON_… from the deploy')
  }
  return undefined
}
