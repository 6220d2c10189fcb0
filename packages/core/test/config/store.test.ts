import { expect, it } from 'vitest'
import { redactUrl } from '../../src/config/store.ts'

it.each([
  ['embedded', 'embedded'],
  ['redis://127.0.0.1:6379/0', 'redis://127.0.0.1:6379/0'],
  ['redis://:secret@127.0.0.1:6379/0', 'redis://:***@127.0.0.1:6379/0'],
  ['rediss://app:secret@cache.example', 'rediss://app:***@cache.example'],
  ['redis://secret@127.0.0.1', 'redis://***@127.0.0.1'],
  ['redis://host/0?password=secret&db=1', 'redis://host/0?password=***&db=1'],
  ['redis://:sec ret@[', 'redis://***'],
])('a URL is shown without its secrets: %s as %s', (url, shown) => {
  expect(redactUrl(url)).toBe(shown)
})
