import { z } from 'zod'
import { configSchema } from './schema.ts'

/** The JSON Schema (draft 2020-12) of baton.yaml, with which editors complete and check it. */
export function configJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' })
  return { $schema, $id: 'urn:baton:schema:baton.yaml', ...schema }
}
