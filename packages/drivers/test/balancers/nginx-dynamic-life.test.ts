import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { runningGeneration } from '../../src/balancers/nginx/generation.ts'
import { startAppServer } from '../nginx/app-server.ts'
import { call, PATIENCE, useDynamicNginx } from '../nginx/use-dynamic-nginx.ts'

const { apps, start, client, counts } = useDynamicNginx()

test('a reload by somebody else keeps states, weights, tokens, counts and what is in flight', async () => {
  const { balancer, nginx } = await start({ workers: 2 })
  const { generation } = await balancer.inspect(call())
  await balancer.set('web-2', { admin: 'out', weight: 7 }, call(4))
  const answer = client().send('/after/1500')
  await vi.waitFor(async () => expect(await counts()).toEqual([1, 0]), PATIENCE)
  await balancer.set('web-2', { admin: 'in' }, call(4))
  await balancer.set('web-1', { admin: 'out' }, call(4))
  await nginx.reload()
  expect(await balancer.inspect(call())).toMatchObject({
    generation,
    nodes: [
      { state: 'draining', inflight: 1 },
      { state: 'serving', weight: 7 },
    ],
  })
  await expect(balancer.fence(call(3))).rejects.toMatchObject({ code: 'stale-token' })
  for (let time = 0; time < 5; time++) expect((await client().send('/')).node).toBe('web-2')
  expect(await answer).toMatchObject({ status: 200, node: 'web-1' })
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  const { requests } = await vi.waitUntil(async () => {
    const metrics = await balancer.metrics('web-1', call())
    return metrics.requests === 1 && metrics
  }, PATIENCE)
  expect(requests).toBe(1)
})

test('nginx stopped and started in the middle of a drain keeps the node out', async () => {
  const { balancer, nginx } = await start({ workers: 2 })
  const cut = client()
    .send('/after/60000')
    .catch(() => 'cut')
  await vi.waitFor(
    async () => expect((await counts()).reduce((sum, each) => (sum ?? 0) + (each ?? 0), 0)).toBe(1),
    PATIENCE,
  )
  await balancer.set('web-1', { admin: 'out' }, call())
  await nginx.stop()
  expect(await cut).toBe('cut')
  await nginx.start()
  // Before anything of Baton's has spoken to it.
  for (let time = 0; time < 10; time++) expect((await client().send('/')).node).toBe('web-2')
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'drained' }, { state: 'serving' }] })
})

test('nginx that was killed starts again, though it has left its socket behind', async () => {
  const { nginx, stateDir } = await start()
  for (let time = 0; time < 2; time++) {
    await nginx.kill()
    await nginx.start()
    expect((await client().send('/')).status).toBe(200)
  }
  expect((await stat(join(stateDir, 'admin.sock'))).mode & 0o777).toBe(0o600)
})

test('a socket that a worker without the right to close it has left open is closed by whoever may', async () => {
  const { balancer, adminSocket } = await start()
  await chmod(adminSocket ?? '', 0o666)
  await balancer.inspect(call())
  expect((await stat(adminSocket ?? '')).mode & 0o777).toBe(0o600)
})

test('a configuration with other nodes takes effect with its reload, and knows the states of those that stay', async () => {
  const { balancer, nginx, install, stateDir } = await start({ workers: 2 })
  const [one, two] = apps()
  const third = await startAppServer('web-3')
  await balancer.set('web-2', { admin: 'out' }, call())
  const slow = client().send('/after/1000')
  await vi.waitFor(async () => expect(await counts()).toEqual([1, 0]), PATIENCE)
  expect(await runningGeneration(stateDir)).toBe('cafe')
  await install([two, { ...third, weight: 3 }], 'beef')
  await nginx.reload()
  await vi.waitUntil(async () => (await runningGeneration(stateDir)) === 'beef', PATIENCE)
  await vi.waitUntil(async () => (await nginx.workers()).length >= 2, PATIENCE)
  expect(await balancer.inspect(call())).toMatchObject({
    nodes: [
      { id: 'web-2', state: 'drained' },
      { id: 'web-3', state: 'serving', weight: 3 },
    ],
  })
  expect((await client().send('/')).node).toBe('web-3')
  await expect(balancer.set('web-1', { admin: 'in' }, call())).rejects.toMatchObject({ code: 'unknown-node' })
  expect(await slow).toMatchObject({ status: 200, node: one.id })
  await third.close()
})

test('a damaged state file is told in the error log, and every node starts in', async () => {
  const { balancer, nginx, stateDir } = await start()
  await balancer.set('web-1', { admin: 'out' }, call())
  const file = join(stateDir, 'state.json')
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ fence: 1, nodes: { 'web-1': { admin: 'out' } } })
  await nginx.stop()
  await writeFile(file, '{"version":1,"fence":1,"nodes":{"web-1":{"adm')
  await nginx.start()
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'serving' }, { state: 'serving' }] })
  expect(await nginx.errorLog()).toMatch(/\[error\].*state\.json is damaged/)
})

test('a change that cannot be written is refused, and changes nothing', async () => {
  const { balancer, nginx, stateDir } = await start()
  // A folder stands where the file has to go, which stops root as well.
  await mkdir(join(stateDir, 'state.json', 'in-the-way'), { recursive: true })
  await expect(balancer.set('web-1', { admin: 'out' }, call())).rejects.toMatchObject({
    code: 'state-unwritable',
    message: expect.stringContaining('state.json'),
  })
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'serving' }, { state: 'serving' }] })
  await rm(join(stateDir, 'state.json'), { recursive: true })
  await balancer.set('web-1', { admin: 'out' }, call())
  expect(await nginx.errorLog()).not.toContain('[emerg]')
})

test('changes from many at once are made one after another', async () => {
  const { balancer } = await start({ workers: 4 })
  const weights = Array.from({ length: 20 }, (_, index) => index + 1)
  await Promise.all(
    weights.map((weight) =>
      balancer.set(weight % 2 ? 'web-1' : 'web-2', { admin: 'in', weight }, call(weight)).catch(() => {}),
    ),
  )
  await balancer.set('web-1', { admin: 'in', weight: 5 }, call(30))
  await balancer.set('web-2', { admin: 'out', weight: 6 }, call(30))
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ weight: 5 }, { weight: 6, state: 'drained' }] })
})
