import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { badConfigurations } from './bad-configurations.ts'
import { sound } from './sound.ts'

const published = new URL('../../../cli/schema.json', import.meta.url)
const schema = configJsonSchema()
const validator = z.fromJSONSchema(schema as never)

describe('the JSON Schema', () => {
  it('is published as it is (UPDATE_SCHEMA=1 rewrites the file)', async () => {
    const text = `${JSON.stringify(schema, null, 2)}\n`
    if (process.env.UPDATE_SCHEMA === '1') await writeFile(published, text)
    expect(await readFile(published, 'utf8')).toBe(text)
  })

  it('names its draft and has an id', () => {
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'urn:baton:schema:baton.yaml',
    })
  })

  it('describes every field', () => {
    const undescribed = fieldsOf(schema as Schema, '').filter(({ description }) => !description)
    expect(undescribed).toEqual([])
  })

  it('accepts a sound configuration', () => {
    expect(validator.safeParse(parse(sound)).error).toBeUndefined()
  })

  // What several fields say together, and what YAML alone can tell, no JSON Schema sees.
  const seen = [
    'a mistyped key, which is not missing as well',
    'a key at the wrong place',
    'no name',
    'no nodes',
    'a list of nodes',
    'a node with nothing set',
    'a name with capitals',
    'a port alone',
    'a mistyped balancer',
    'a ramp that is no list',
    'steps that are no shares',
    'a relative folder',
    'a mistyped driver',
    'a number in a command',
    'a weight in quotes',
    'half a weight',
    'times without units',
    'no batch',
    'a batch of more than all',
    'a floor without its sign',
    'a path without its slash',
    'a status that is none',
    'a choice that is none',
    'a mistyped store',
  ]
  it.each(seen)('refuses %s', (name) => {
    const { yaml } = badConfigurations.find((each) => each.name === name)!
    expect(validator.safeParse(parse(yaml)).success).toBe(false)
  })
})

interface Schema {
  readonly description?: string
  readonly properties?: Record<string, Schema>
  readonly additionalProperties?: Schema | boolean
}

function fieldsOf(schema: Schema, path: string): { path: string; description: string | undefined }[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([key, each]) => fieldsOf(each, `${path}.${key}`))
  const any = typeof schema.additionalProperties === 'object' ? fieldsOf(schema.additionalProperties, `${path}.*`) : []
  return [{ path, description: schema.description }, ...below, ...any]
}
