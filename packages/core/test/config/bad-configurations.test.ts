import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { badConfigurations } from './bad-configurations.ts'
import { sound } from './sound.ts'

describe('a bad configuration is refused, with every mistake, its place and its remedy:', () => {
  it.each(badConfigurations)('$name', ({ yaml, problems }) => {
    const parsed = parseConfig(yaml, 'baton.yaml')
    const found = 'problems' in parsed ? parsed.problems : []
    const expected = problems.map(([path, line, message, remedy]) => ({
      file: 'baton.yaml',
      path,
      line,
      column: expect.any(Number),
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    }))
    expect(found).toEqual(expected)
  })

  it('and there are more than forty of them', () => {
    expect(badConfigurations.length).toBeGreaterThanOrEqual(40)
    expect(parseConfig(sound, 'baton.yaml')).toHaveProperty('config')
  })
})
