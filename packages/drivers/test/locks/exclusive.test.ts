import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { exclusively } from '../../src/locks/exclusive.ts'
import { createFileLock } from '../../src/locks/file-lock.ts'

async function lockDir(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'baton-turns-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  return join(root, 'lock')
}

test('one after the other does its work, also after one that failed', async () => {
  const turn = { dir: await lockDir(), purpose: 'work', signal: AbortSignal.timeout(20_000) }
  let inside = 0
  let most = 0
  const works = Array.from({ length: 8 }, (_, i) =>
    exclusively(turn, async () => {
      inside += 1
      most = Math.max(most, inside)
      await sleep(1)
      inside -= 1
      if (i % 2 === 0) throw new Error(`${i}`)
      return i
    }),
  )
  const done = await Promise.allSettled(works)
  expect(most).toBe(1)
  expect(done.flatMap((work) => (work.status === 'fulfilled' ? [work.value] : []))).toEqual([1, 3, 5, 7])
})

test('its holder can be asked for, and whoever waits gives up when told', async () => {
  const dir = await lockDir()
  await exclusively({ dir, purpose: 'a long change', signal: AbortSignal.timeout(20_000) }, async () => {
    expect(await createFileLock({ dir }).holder()).toMatchObject({ pid: process.pid, purpose: 'a long change' })
    const reason = new Error('enough')
    const waiting = new AbortController()
    const second = exclusively({ dir, purpose: 'another', signal: waiting.signal }, async () => {})
    setTimeout(() => waiting.abort(reason), 50)
    await expect(second).rejects.toBe(reason)
  })
})
