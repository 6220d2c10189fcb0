import type { z } from 'zod'
import type { Finding, Path } from './finding.ts'
import { asMapping, kindOf, mistake } from './reading.ts'
import { keysAt, nodeFields, plannedDrivers, sections } from './schema.ts'
import { suggest } from './suggestion.ts'

/** What zod found, in our words. */
export function findingsOf(error: z.ZodError, raw: unknown): Finding[] {
  return error.issues.flatMap((issue): Finding[] => {
    const path = issue.path.map(String)
    const value = path.reduce<unknown>((each, key) => asMapping(each)?.[key], raw)
    if (issue.code === 'unrecognized_keys') {
      // A driver of a later version brings keys of its own: it is said once that it is not there yet.
      return hasPlannedDriver(value) ? [] : issue.keys.map((key) => unknownKey(path, key))
    }
    if (issue.code === 'custom') {
      const { remedy, ofWhole } = issue.params as { remedy: string; ofWhole: boolean }
      return [{ message: issue.message, remedy, ofWhole, path, at: 'value' }]
    }
    return [{ ...misshapen(path, value), path, at: 'value', ofWhole: value === undefined || value === null }]
  })
}

function hasPlannedDriver(section: unknown): boolean {
  const driver = asMapping(section)?.driver
  return plannedDrivers.app.some((each) => each === driver)
}

function unknownKey(path: Path, key: string): Finding {
  const here = keysAt(path)
  const meant = suggest(key, here)
  const shown = meant ?? elsewhere(key)
  const remedy = shown ? `did you mean ${shown}?` : `remove it, or use one of ${here.join(', ')}`
  const finding = { message: 'unknown key', remedy, path: [...path, key], at: 'key', ofWhole: false } as const
  return meant ? { ...finding, meant: [...path, meant] } : finding
}

/** `batch` at the wrong place is `rollout.batch`. */
function elsewhere(key: string): string | undefined {
  const section = Object.entries({ ...sections, 'nodes.<id>': nodeFields }).find(([, fields]) =>
    Object.hasOwn(fields, key),
  )
  return section && `${section[0]}.${key}`
}

/** Where a mapping is expected and something else stands. */
function misshapen(path: Path, value: unknown) {
  if (path.join() === 'nodes') {
    const remedy = 'write each node by its id, such as web-1: { address: 127.0.0.1:3001 }'
    return value === undefined ? mistake('missing', remedy) : mistake(`must be a mapping, not ${kindOf(value)}`, remedy)
  }
  if (path.join('.') === 'rollout.ramp') {
    return mistake(`must be a list, not ${kindOf(value)}`, 'write its steps, such as [10%, 50%, 100%]')
  }
  const remedy = path.at(-1) === 'env' ? 'write each variable as NAME: "value"' : 'write its fields below it, indented'
  return mistake(`must be a mapping, not ${kindOf(value)}`, remedy)
}
