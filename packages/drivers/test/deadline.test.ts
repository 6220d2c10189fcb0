import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { withDeadline } from '../src/deadline.ts'

const never = (signal: AbortSignal) => sleep(60_000, undefined, { signal })

it('ends the work at the deadline, garbage collected or not', async () => {
  setFlagsFromString('--expose-gc')
  const collecting = setInterval(runInNewContext('gc'), 20)
  const { signal } = new AbortController()
  const aborted = withDeadline({ signal, deadlineMs: 300 }, (limited) =>
    withDeadline({ signal: limited, deadlineMs: 60_000 }, never).catch(() => limited.reason),
  )
  const late = sleep(5_000, 'it never came')
  expect(await Promise.race([aborted, late])).toMatchObject({ name: 'TimeoutError' })
  clearInterval(collecting)
})

it('ends the work when the caller gives up, with the reason of that', async () => {
  const caller = new AbortController()
  const reason = new Error('no longer wanted')
  const work = withDeadline({ signal: caller.signal, deadlineMs: 60_000 }, (signal) =>
    never(signal).catch(() => {
      throw signal.reason
    }),
  )
  caller.abort(reason)
  await expect(work).rejects.toBe(reason)
  await expect(withDeadline({ signal: caller.signal, deadlineMs: 60_000 }, never)).rejects.toBe(reason)
})

it('gives what the work gives', async () => {
  const { signal } = new AbortController()
  expect(await withDeadline({ signal, deadlineMs: 60_000 }, async () => 'done')).toBe('done')
  await expect(
    withDeadline({ signal, deadlineMs: 60_000 }, async () => {
      throw new Error('failed')
    }),
  ).rejects.toThrow('failed')
})
