import { test } from 'vitest'
import { killAfterEveryEntry } from './killed-after-every-entry.ts'

test(
  'killed after any entry of its journal, a deploy is resumed to its end, and nobody notices',
  {
    timeout: 900_000,
  },
  () => killAfterEveryEntry('resume'),
)
