import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const fixtures = readdirSync(new URL('../fixtures/', import.meta.url))
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))

describe('the golden fixtures', () => {
  it('are all run here', () => {
    expect(namedIn('./', /\bfixture<[^(]*>\('([\w-]+)'\)/g, '.test.ts')).toEqual(fixtures.toSorted())
  })

  it('are all run in Java', () => {
    const java = '../../../java/tomcat-session/src/test/java/'
    expect(namedIn(java, /(?:Fixtures\.read|\beach)\("([\w-]+)"/g, '.java')).toEqual(fixtures.toSorted())
  })
})

/** Of the fixtures that sources in a folder name, each once. */
function namedIn(folder: string, pattern: RegExp, suffix: string): string[] {
  const root = fileURLToPath(new URL(folder, import.meta.url))
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith(suffix))
  const names = sources.flatMap((file) =>
    [...readFileSync(`${root}${file}`, 'utf8').matchAll(pattern)].map(([, name]) => name ?? ''),
  )
  return [...new Set(names)].sort()
}
