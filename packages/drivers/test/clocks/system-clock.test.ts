import { expect, test } from 'vitest'
import { createSystemClock } from '../../src/clocks/system-clock.ts'

const never = new AbortController().signal

test('it tells the time in milliseconds since the epoch', () => {
  expect(Math.abs(createSystemClock().now() - Date.now())).toBeLessThan(5_000)
})

test('a sleep is never shorter than asked for', async () => {
  const start = performance.now()
  await createSystemClock().sleep(30, never)
  expect(performance.now() - start).toBeGreaterThanOrEqual(30)
})

test.each([20, 2 ** 33])('a sleep of %i ms ends with the reason of a signal that aborts', async (ms) => {
  const stop = new AbortController()
  const sleep = createSystemClock().sleep(ms, stop.signal)
  stop.abort(new Error('enough'))
  await expect(sleep).rejects.toThrow('enough')
})

test.each([0, 20])('a sleep of %i ms does not begin under a signal that has aborted', async (ms) => {
  await expect(createSystemClock().sleep(ms, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
})
