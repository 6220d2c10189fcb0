import { expect, it } from 'vitest'
import { startBackend } from '../support/backend.ts'
import { configIn, quickHealth } from '../support/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runProxy } from '../support/proxy.ts'
import { startTraffic } from '../support/traffic.ts'
import { until } from '../support/wait.ts'

it('rolls two nodes under keep-alive clients: no request fails, none is lost, none is doubled', async () => {
  const nodes = { a: await startBackend('a'), b: await startBackend('b') }
  const config = configIn(await temporaryFolder(), nodes)
  const proxy = await runProxy({ ...config, health: quickHealth(config) })
  const traffic = startTraffic(proxy.port, { clients: 32, keepAlive: true })
  for (const id of ['a', 'b', 'a', 'b'] as const) {
    const answered = traffic.answered()
    await until('there is traffic', () => traffic.answered() > answered + 200)
    await proxy.admin.call('PUT', `/v1/nodes/${id}`, { token: 1, body: { admin: 'out' } })
    await until('it is drained', async () => (await proxy.admin.node(id)).state === 'drained')
    const seen = nodes[id].seen()
    await nodes[id].kill()
    expect(nodes[id].seen()).toBe(seen)
    await nodes[id].revive()
    await proxy.admin.call('PUT', `/v1/nodes/${id}`, { token: 1, body: { admin: 'in' } })
    await until('it serves', () => nodes[id].seen() > seen)
  }
  const { failures, posted } = await traffic.stop()
  expect(failures).toEqual([])
  expect([...nodes.a.posts(), ...nodes.b.posts()].sort()).toEqual([...posted].sort())
  expect((await proxy.admin.view()).nodes.map(({ inflight }) => inflight)).toEqual([0, 0])
})

it('does without a node that dies while it is in: GETs go to the others, and it comes back by its checks', async () => {
  const nodes = { a: await startBackend('a'), b: await startBackend('b') }
  const config = configIn(await temporaryFolder(), nodes)
  const proxy = await runProxy({ ...config, health: quickHealth(config) })
  await nodes.a.kill()
  const traffic = startTraffic(proxy.port, { clients: 8, keepAlive: true })
  await until('there is traffic', () => traffic.answered() > 200)
  expect((await proxy.admin.node('a')).state).toBe('down')
  await nodes.a.revive()
  await until('it serves again', () => nodes.a.seen() > 10)
  expect((await traffic.stop()).failures).toEqual([])
})

it('carries 1,000 nodes', async () => {
  const backend = await startBackend('a')
  const nodes = Object.fromEntries(
    Array.from({ length: 999 }, (_, i) => [`n${i}`, { port: 10_000 + i, weight: 1 + (i % 9) }]),
  )
  const proxy = await runProxy(configIn(await temporaryFolder(), { ...nodes, a: backend }))
  expect((await proxy.admin.view()).nodes).toHaveLength(1000)
  const { body } = await proxy.admin.call('GET', '/v1/nodes/a/metrics')
  expect(body).toMatchObject({ requests: 0 })
  expect((await proxy.admin.call('PUT', '/v1/nodes/n1', { token: 1, body: { admin: 'out' } })).status).toBe(200)
})
