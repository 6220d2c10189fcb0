import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { throttleLog } from '../../src/process/throttle.ts'

it('lets so many lines through in each period, and says how many it left out', async () => {
  const lines: string[] = []
  const log = throttleLog((line) => lines.push(line), { most: 2, everyMs: 50 })
  for (const line of ['a', 'b', 'c', 'd']) log(line)
  expect(lines).toEqual(['a', 'b'])
  await sleep(60)
  log('e')
  expect(lines).toEqual(['a', 'b', '2 more lines were left out', 'e'])
})
