import { mistake, type Reading, show } from './reading.ts'
import { suggest } from './suggestion.ts'

/** Reads one of a few words. `planned` are words of a later version: known, and refused with a reason. */
export function readChoice<T extends string>(
  raw: unknown,
  { choices, planned = [] }: { choices: readonly T[]; planned?: readonly string[] },
): Reading<T> {
  const value = choices.find((each) => each === raw)
  if (value !== undefined) return { value }
  const others = choices.join(' or ')
  if (typeof raw === 'string' && planned.includes(raw))
    return mistake(`${raw} is not in this version yet`, `use ${others}`)
  const meant = typeof raw === 'string' ? suggest(raw, choices) : undefined
  return mistake(`must be ${others}, not ${show(raw)}`, meant ? `did you mean ${meant}?` : `write ${others}`)
}
