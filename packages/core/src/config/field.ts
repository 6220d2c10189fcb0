import { z } from 'zod'
import { mistake, type Reading } from './reading.ts'

/** What a field says of itself in the JSON Schema: a description, and keywords that an editor can check. */
export interface FieldSchema {
  readonly description: string
  readonly [keyword: string]: unknown
}

/**
 * A field that `read` understands. zod carries it: structure, defaults and the JSON Schema are zod's, the words for a
 * mistake are ours.
 */
export function field<T>(read: (raw: unknown) => Reading<T>, example: string, schema: FieldSchema) {
  return z
    .unknown()
    .transform((raw, context): T => {
      const reading = raw === undefined || raw === null ? absent(raw, example) : read(raw)
      if ('value' in reading) return reading.value
      context.addIssue({
        code: 'custom',
        message: reading.message,
        params: { remedy: reading.remedy, ofWhole: raw === undefined },
      })
      return z.NEVER
    })
    .meta(schema)
}

function absent(raw: undefined | null, example: string) {
  return mistake(raw === null ? 'has no value' : 'missing', `write one, such as ${example}`)
}
