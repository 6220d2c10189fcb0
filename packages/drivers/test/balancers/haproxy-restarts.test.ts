import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { freePorts, needServer } from '@baton/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Backend, startBackend } from './backend.ts'
import { createClient } from './client.ts'
import { call, type HaproxyRig, type HaproxyRigOptions, startHaproxyRig } from './haproxy-rig.ts'

const patience = { timeout: 15_000, interval: 20 }
let one: Backend
let two: Backend
let rig: HaproxyRig

beforeEach(async (context) => {
  needServer('haproxy', context)
  one = await startBackend('web-1')
  two = await startBackend('web-2')
})

afterEach(async () => {
  await rig?.close()
  await Promise.all([one.stop(), two.stop()])
})

describe.each<{ name: string; options: HaproxyRigOptions }>([
  { name: 'a HAProxy with a master', options: { masterWorker: true } },
  { name: 'a HAProxy of one process', options: { masterWorker: false } },
])('$name', ({ options }) => {
  test('sends no request to a drained node after a kill -9 and a start, before Baton is heard of again', async () => {
    rig = await startHaproxyRig([one, two], options)
    await rig.connect().set('web-1', { admin: 'out' }, call())
    await rig.kill()
    await rig.start()
    await expectOnly(two)
    expect(await stateOf('web-1')).toBe('drained')
    await rig.connect().set('web-1', { admin: 'in' }, call())
    await rig.kill()
    await rig.start()
    await expectBoth()
  })

  test('is told again what is wanted when it was reloaded without a state file, before anything is reported', async () => {
    const edit = (config: string) => config.replace(/^.*load-server-state.*$/m, '')
    rig = await startHaproxyRig([one, two], { ...options, edit })
    await rig.connect().set('web-2', { admin: 'in', weight: 7 }, call())
    await rig.connect().set('web-1', { admin: 'out' }, call())
    const { generation } = await rig.connect().inspect(call())
    await rig.haproxy.reload()
    await expectBoth()
    await vi.waitFor(async () => {
      const view = await rig.connect().inspect(call())
      expect(view.generation).not.toBe(generation)
      expect(view.nodes).toMatchObject([{ state: 'drained' }, { state: 'serving', weight: 7 }])
    }, patience)
    await expectOnly(two)
  })

  test('reloaded in the middle of a drain keeps the node draining until the former process has ended its request', async () => {
    rig = await startHaproxyRig([one, two], options)
    const balancer = rig.connect()
    // Written down before the reload, as every deploy does with its token.
    await balancer.fence(call())
    await balancer.set('web-2', { admin: 'out' }, call())
    const answer = createClient(rig.address).send('/hold')
    await vi.waitUntil(() => one.held.size === 1, patience)
    await balancer.set('web-2', { admin: 'in' }, call())
    await balancer.set('web-1', { admin: 'out' }, call())
    await rig.haproxy.reload()
    for (let look = 0; look < 10; look++) {
      expect((await balancer.inspect(call())).nodes[0]).toMatchObject({ state: 'draining', inflight: 1 })
    }
    one.release()
    expect((await answer).status).toBe(200)
    await vi.waitFor(async () => expect(await stateOf('web-1')).toBe('drained'), patience)
    await expectOnly(two)
  })
})

test('a process that was replaced before Baton was first heard of is waited for as well', async () => {
  rig = await startHaproxyRig([one, two])
  const sockets = [open(), open()]
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  await rig.haproxy.reload()
  await rig.connect().set('web-1', { admin: 'out' }, call())
  expect(await stateOf('web-1')).toBe('draining')
  for (const socket of sockets) socket.terminate()
  await vi.waitFor(async () => expect(await stateOf('web-1')).toBe('drained'), patience)
})

test('what somebody else does to a server is reported, and left as it is', async () => {
  rig = await startHaproxyRig([one, two])
  await rig.connect().set('web-1', { admin: 'in', weight: 5 }, call())
  await rig.haproxy.ask('set server shop/web-1 state drain')
  expect(await stateOf('web-1')).toBe('drained')
  await rig.haproxy.ask('set server shop/web-1 state ready; set server shop/web-1 weight 9')
  expect((await rig.connect().inspect(call())).nodes[0]).toMatchObject({ state: 'serving', weight: 9 })
  await rig.haproxy.ask('set server shop/web-1 weight 0')
  expect(await stateOf('web-1')).toBe('drained')
  await rig.connect().set('web-2', { admin: 'out' }, call())
  await rig.haproxy.ask('set server shop/web-2 state ready')
  expect(await stateOf('web-2')).toBe('serving')
})

test('a drained node is in maintenance, so that nobody is told of a node that is down', async () => {
  rig = await startHaproxyRig([one, two])
  await rig.connect().set('web-1', { admin: 'out' }, call())
  await one.stop()
  expect(await rig.haproxy.ask('show stat shop 4 -1')).toMatch(/^shop,web-1,.*,MAINT,/m)
  await one.start()
  await rig.connect().set('web-1', { admin: 'in' }, call())
  expect(await stateOf('web-1')).toBe('serving')
  await expectBoth()
})

test('an address changed in haproxy.cfg is not undone by the state file', async () => {
  rig = await startHaproxyRig([one, two])
  await rig.connect().set('web-2', { admin: 'out' }, call())
  const [port = 0] = await freePorts(1)
  const config = await readFile(rig.haproxy.configFile, 'utf8')
  await writeFile(rig.haproxy.configFile, config.replace(`:${one.port} `, `:${port} `))
  await rig.haproxy.reload()
  expect(await nodeOf('web-1')).toMatchObject({ address: `127.0.0.1:${port}` })
  expect(await stateOf('web-2')).toBe('drained')
})

test('two processes of Baton at once leave what the last of them wanted', async () => {
  rig = await startHaproxyRig([one, two])
  for (let round = 0; round < 5; round++) {
    const [first, second] = [rig.connect(), rig.connect()]
    await Promise.all([
      first.set('web-1', { admin: 'out', weight: 3 }, call()),
      second.set('web-1', { admin: 'in', weight: 4 }, call()),
      second.set('web-2', { admin: 'in', weight: 20 + round }, call()),
      first.inspect(call()),
    ])
    const [web1, web2] = (await rig.connect().inspect(call())).nodes
    expect([`drained 3`, `serving 4`]).toContain(`${web1?.state} ${web1?.weight}`)
    expect(web2).toMatchObject({ weight: 20 + round })
  }
})

function open(): WebSocket {
  return new WebSocket(`ws://${rig.address.host}:${rig.address.port}/socket`)
}

async function nodeOf(id: string) {
  return (await rig.connect().inspect(call())).nodes.find((node) => node.id === id)
}

async function stateOf(id: string): Promise<string | undefined> {
  return (await nodeOf(id))?.state
}

/** Twenty requests, each over a connection of its own. */
async function served(): Promise<Set<string | null>> {
  const nodes = new Set<string | null>()
  for (let index = 0; index < 20; index++) {
    const client = createClient(rig.address)
    nodes.add((await client.send('/')).node)
    client.close()
  }
  return nodes
}

async function expectOnly(backend: Backend): Promise<void> {
  expect(await served()).toEqual(new Set([backend.id]))
}

async function expectBoth(): Promise<void> {
  expect(await served()).toEqual(new Set(['web-1', 'web-2']))
}
