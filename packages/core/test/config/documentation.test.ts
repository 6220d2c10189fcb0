import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { formatProblems } from '../../src/config/problem.ts'

interface Schema {
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
}

const page = await readFile(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8')
const { properties = {} } = configJsonSchema() as Schema
const nodeFields = properties.nodes!.additionalProperties!.properties!

/** The text below a heading. */
function below(heading: string): string {
  return page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
}

/** Keys that the complete example, of the usual drivers, cannot have. */
const ofOtherDriver: Readonly<Record<string, readonly string[]>> = {
  app: ['stop', 'start', 'activate', 'release', 'home', 'context', 'javaOptions'],
  balancer: ['mode', 'command', 'include', 'state', 'socket', 'backend'],
}

const sections = Object.entries(properties).filter(([name]) => name !== 'name' && name !== 'nodes')
const fields = sections.flatMap(([section, schema]) =>
  Object.entries(schema.properties!).map(([key, field]) => ({ section, key, field })),
)

describe('docs/configuration.md', () => {
  it.each([...Object.keys(properties)])('has a section on %s', (name) => {
    expect(below(name)).not.toBe('')
  })

  it.each(fields)('tells what $section.$key means, and its default', ({ section, key, field }) => {
    const row = below(section)
      .split('\n')
      .find((line) => new RegExp(`^\\| \`${key}\` +\\|`).test(line))
    const [, , shown, meaning] = row?.split('|').map((cell) => cell.trim()) ?? []
    const value = typeof field.default === 'object' ? JSON.stringify(field.default) : field.default
    expect(shown).toBe(field.default === undefined ? '' : `\`${value}\``)
    expect(meaning).toMatch(/\w/)
  })

  it.each(Object.keys(nodeFields))('names %s among the keys of a node', (key) => {
    expect(below('nodes')).toContain(`\`${key}\``)
  })

  it('holds examples that are sound, one of them with every key', () => {
    const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml)
    expect(examples.length).toBeGreaterThanOrEqual(4)
    for (const yaml of examples) {
      const parsed = parseConfig(yaml, 'docs/configuration.md')
      expect('problems' in parsed ? formatProblems(parsed.problems) : '').toBe('')
    }
    const [complete = ''] = examples
    const missing = fields.filter(
      ({ section, key }) => !ofOtherDriver[section]?.includes(key) && !new RegExp(`^  ${key}:`, 'm').test(complete),
    )
    expect(missing).toEqual([])
  })

  it('shows problems as they are written', () => {
    const yaml = `name: shop
app: { command: node server.js }
nodes: { web-1: { address: 127.0.0.1:3001 }, web-2: { address: 127.0.0.1:3002 } }
rollout: { minAvailable: 60% }
`
    const parsed = parseConfig(yaml, 'baton.yaml')
    const [line = ''] = 'problems' in parsed ? formatProblems(parsed.problems).split('\n') : []
    expect(page).toContain(line.replace(/^\S+ /, ''))
  })
})
