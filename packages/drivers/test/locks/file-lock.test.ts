import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { BatonError } from '@baton/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createFileLock, type FileLockOptions } from '../../src/locks/file-lock.ts'
import { LockHeldError } from '../../src/locks/lock-held-error.ts'

let root: string
let dir: string
const children: ChildProcess[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'baton-lock-'))
  dir = join(root, '.baton', 'lock')
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await rm(root, { recursive: true, force: true })
})

const lockWith = (options: Partial<FileLockOptions> = {}) => createFileLock({ dir, ...options })

test('the lock is taken, held against others, released and taken again with a greater token', async () => {
  const lock = lockWith()
  expect(await lock.holder()).toBeNull()
  const first = await lock.acquire('deploy d1')
  await first.assertHeld()
  expect(await lock.holder()).toEqual({
    token: 1,
    owner: `${userInfo().username}@${hostname()}`,
    host: hostname(),
    pid: process.pid,
    purpose: 'deploy d1',
    since: expect.stringMatching(/Z$/),
    renewedAt: expect.stringMatching(/Z$/),
    expiresAt: expect.stringMatching(/Z$/),
  })
  await expect(lock.acquire('deploy d2')).rejects.toMatchObject({ code: 'lock-held' })
  await first.release()
  await first.release()
  expect(await lock.holder()).toBeNull()
  await expect(first.assertHeld()).rejects.toMatchObject({ code: 'lock-lost' })
  const second = await lock.acquire('deploy d2')
  expect([first.token, second.token]).toEqual([1, 2])
  expect(first.lost.aborted).toBe(false)
  await second.release()
})

test('who is refused learns who holds the lock, where, for what, for how long, and what to do', async () => {
  const held = await lockWith().acquire('deploy 20261123T101500Z-4f2a9c')
  const error = await lockWith({ clock: { now: () => Date.now() + 192_000 } })
    .acquire('deploy d2')
    .catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(LockHeldError)
  expect(error).toBeInstanceOf(BatonError)
  const { message, hint, holder } = error as LockHeldError
  const who = `deploy 20261123T101500Z-4f2a9c, by ${userInfo().username}@${hostname()}, pid ${process.pid} on ${hostname()}`
  expect(message).toContain(`${who}, has held the lock for 3 min 1`)
  expect(message).toMatch(/its lease ends in (29|30) s \(at .+Z\) unless it is renewed$/)
  expect(hint).toBe(`wait until it is done, or end it on ${hostname()}: kill ${process.pid}`)
  expect(holder.token).toBe(held.token)
  await held.release()
})

test('its files are for their owner alone; old ones are pruned, the tokens go on', async () => {
  const lock = lockWith()
  for (let round = 1; round <= 25; round++) {
    const lease = await lock.acquire('deploy')
    expect(lease.token).toBe(round)
    await lease.release()
  }
  const names = await readdir(dir)
  expect(names.length).toBeLessThan(20)
  expect(names).toContain('25.json')
  expect(names).not.toContain('1.json')
  expect((await stat(dir)).mode & 0o777).toBe(0o700)
  expect((await stat(join(dir, '25.json'))).mode & 0o777).toBe(0o600)
})

test('what a writer that was killed left behind is cleared away', async () => {
  await (await lockWith().acquire('deploy')).release()
  const draft = join(dir, '.draft-1-aa')
  await writeFile(draft, '{"tok')
  await utimes(draft, 1, 1)
  await (await lockWith().acquire('deploy')).release()
  expect(await readdir(dir)).toEqual(['1.json', '2.json'])
})

test('the heartbeat renews the lease, so that a long deploy keeps the lock', async () => {
  const lease = await lockWith({ heartbeatMs: 20 }).acquire('deploy')
  const first = await lockWith().holder()
  await vi.waitUntil(async () => (await lockWith().holder())?.renewedAt !== first?.renewedAt, { timeout: 10_000 })
  const renewed = await lockWith().holder()
  expect(renewed?.since).toBe(first?.since)
  expect(renewed?.token).toBe(1)
  await lease.release()
})

test('a clock set forward or back neither frees the lock nor holds it longer', async () => {
  const day = 86_400_000
  const lease = await lockWith().acquire('deploy')
  for (const shift of [-400 * day, -day, day, 400 * day]) {
    const shifted = lockWith({ clock: { now: () => Date.now() + shift } })
    await expect(shifted.acquire('other')).rejects.toMatchObject({ code: 'lock-held' })
    expect(await shifted.holder()).not.toBeNull()
  }
  await lease.release()
  for (const shift of [400 * day, -400 * day, 0]) {
    const shifted = lockWith({ leaseMs: 50, heartbeatMs: 10_000, clock: { now: () => Date.now() + shift } })
    await shifted.acquire('a holder that stops renewing')
    await vi.waitUntil(async () => (await lockWith().holder()) === null, { timeout: 10_000 })
  }
})

test('a lease taken on another host, or before this one was restarted, ends by the time of day', async () => {
  const lease = await lockWith().acquire('deploy')
  const now = Date.now()
  await edit(1, { host: 'elsewhere', owner: 'ann@elsewhere', place: { boot: 'another', pidNamespace: 'another' } })
  const at = (ms: number) => lockWith({ clock: { now: () => now + ms } })
  await expect(at(0).acquire('other')).rejects.toMatchObject({ code: 'lock-held', holder: { owner: 'ann@elsewhere' } })
  await expect(at(25_000).acquire('other')).rejects.toMatchObject({ code: 'lock-held' })
  expect(await at(31_000).holder()).toBeNull()
  // A clock that cannot be trusted must not hold the lock for years.
  expect(await at(-365 * 86_400_000).holder()).toBeNull()
  expect((await at(31_000).acquire('other')).token).toBe(2)
  await expect(lease.assertHeld()).rejects.toMatchObject({ code: 'lock-lost' })
})

test('a process number in another container proves nothing: the lease counts', async () => {
  await lockWith().acquire('deploy')
  const { place } = JSON.parse(await readFile(join(dir, '1.json'), 'utf8')) as { place: object }
  await edit(1, { pid: 4_000_000, place: { ...place, pidNamespace: 'pid:[1]' } })
  await expect(lockWith().acquire('other')).rejects.toMatchObject({ code: 'lock-held' })
  await edit(1, { place })
  expect((await lockWith().acquire('other')).token).toBe(2)
})

test('a process number that was given to another process since does not hold the lock', async () => {
  await lockWith().acquire('deploy')
  await edit(1, { startTicks: '7' })
  expect(await lockWith().holder()).toBeNull()
  expect((await lockWith().acquire('other')).token).toBe(2)
})

test.each([
  ['nothing', ''],
  ['half a record', '{"token":1,"own'],
  ['something else', '{"token":1}'],
  ['another token', null],
])('a lock file that holds %s is an error that names it, never a free lock', async (_, text) => {
  const lease = await lockWith().acquire('deploy')
  const path = join(dir, '1.json')
  const record = await readFile(path, 'utf8')
  await writeFile(path, text ?? record.replace('"token": 1', '"token": 2'))
  const error = { code: 'lock-damaged', message: expect.stringContaining(path), hint: expect.stringContaining(path) }
  await expect(lockWith().acquire('other')).rejects.toMatchObject(error)
  await expect(lockWith().holder()).rejects.toMatchObject(error)
  await lease.release()
})

test('a holder whose file was removed has lost the lock', async () => {
  const lease = await lockWith({ heartbeatMs: 10 }).acquire('deploy')
  await rm(dir, { recursive: true })
  await vi.waitUntil(() => lease.lost.aborted, { timeout: 10_000 })
  await expect(lease.assertHeld()).rejects.toMatchObject({ code: 'lock-lost' })
  await lease.release()
  expect(await lockWith().holder()).toBeNull()
})

test('a holder that can no longer renew has lost the lock when its lease ends, not before', async () => {
  const start = performance.now()
  const lease = await lockWith({ leaseMs: 300, heartbeatMs: 100 }).acquire('deploy')
  // A directory in the place of its file: renames fail as on a broken disk, for root as well.
  rmSync(join(dir, '1.json'))
  mkdirSync(join(dir, '1.json'))
  await vi.waitUntil(() => lease.lost.aborted, { timeout: 10_000 })
  expect(performance.now() - start).toBeGreaterThan(290)
  expect(lease.lost.reason).toMatchObject({ code: 'lock-lost', message: expect.stringContaining('renewed in time') })
})

test('of contenders that race for a free lock exactly one wins, each with a greater token', async () => {
  const contenders = [await contender(), await contender(), await contender()]
  let last = 0
  for (let round = 0; round < 60; round++) {
    const answers = await Promise.all(contenders.map((each) => each.tell('acquire')))
    const winners = answers.flatMap((answer, index) => (answer.startsWith('token') ? [index] : []))
    expect(winners).toHaveLength(1)
    expect(answers.filter((answer) => answer === 'lock-held')).toHaveLength(2)
    const [winner] = winners as [number]
    const token = Number(answers[winner]?.split(' ')[1])
    expect(token).toBeGreaterThan(last)
    last = token
    expect(await contenders[winner]?.tell('release')).toBe('released')
  }
})

test('two who take the lock as fast as they can are never both in', async () => {
  const log = join(root, 'log')
  const workers = [await contender(), await contender()]
  expect(await Promise.all(workers.map((worker) => worker.tell(`work ${log}`)))).toEqual(['done', 'done'])
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n')
  expect(lines).toHaveLength(100)
  let last = 0
  for (let index = 0; index < lines.length; index += 2) {
    const token = Number(lines[index]?.split(' ')[1])
    expect(lines.slice(index, index + 2)).toEqual([`in ${token}`, `out ${token}`])
    expect(token).toBeGreaterThan(last)
    last = token
  }
})

test('the lock of a holder that was killed is free at once', async () => {
  const holder = await contender()
  expect(await holder.tell('acquire')).toBe('token 1')
  await expect(lockWith().acquire('other')).rejects.toMatchObject({ code: 'lock-held' })
  holder.child.kill('SIGKILL')
  await once(holder.child, 'exit')
  expect(await lockWith().holder()).toBeNull()
  expect((await lockWith().acquire('other')).token).toBe(2)
})

test('a holder that was stopped loses the lock after its lease, and revived can change nothing', async () => {
  const holder = await contender({ leaseMs: 2_000, heartbeatMs: 50 })
  expect(await holder.tell('acquire')).toBe('token 1')
  holder.child.kill('SIGSTOP')
  await expect(lockWith().acquire('other')).rejects.toMatchObject({ code: 'lock-held' })
  await vi.waitUntil(async () => (await lockWith().holder()) === null, { timeout: 10_000 })
  const next = await lockWith().acquire('other')
  expect(next.token).toBe(2)
  holder.child.kill('SIGCONT')
  expect(await holder.tell('assert')).toBe('lock-lost')
  await vi.waitUntil(async () => (await holder.tell('lost')) === 'lost', { timeout: 10_000 })
  expect(await holder.tell('release')).toBe('released')
  await next.assertHeld()
  expect((await lockWith().holder())?.token).toBe(2)
  await next.release()
})

test('a holder that was stopped, but not replaced, goes on', async () => {
  const holder = await contender({ leaseMs: 200, heartbeatMs: 50 })
  expect(await holder.tell('acquire')).toBe('token 1')
  holder.child.kill('SIGSTOP')
  await vi.waitUntil(async () => (await lockWith().holder()) === null, { timeout: 10_000 })
  holder.child.kill('SIGCONT')
  await vi.waitUntil(async () => (await lockWith().holder())?.token === 1, { timeout: 10_000 })
  expect(await holder.tell('assert')).toBe('held')
  expect(await holder.tell('lost')).toBe('not lost')
})

async function edit(token: number, change: object): Promise<void> {
  const path = join(dir, `${token}.json`)
  await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...change }))
}

async function contender({ leaseMs = 30_000, heartbeatMs = 5_000 } = {}) {
  const program = fileURLToPath(new URL('./contender.ts', import.meta.url))
  const argv = ['--import', 'tsx', program, dir, String(leaseMs), String(heartbeatMs)]
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    async tell(line: string): Promise<string> {
      child.stdin.write(`${line}\n`)
      const { value, done } = await answers.next()
      if (done) throw new Error(`the contender ended instead of answering ${line}`)
      return value
    },
  }
}
