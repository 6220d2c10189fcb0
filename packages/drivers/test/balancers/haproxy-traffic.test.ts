import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { needServer } from '@baton/testkit'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Backend, startBackend } from './backend.ts'
import { createClient } from './client.ts'
import { call, type HaproxyRig, startHaproxyRig } from './haproxy-rig.ts'

const patience = { timeout: 15_000, interval: 10 }
const closing: (() => Promise<void>)[] = []
let rig: HaproxyRig

beforeEach((context) => {
  needServer('haproxy', context)
})

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

test('after 1,000 requests of any length, some given up, some refused at first, nothing is in flight', async () => {
  const lasting = (request: IncomingMessage, response: ServerResponse) => {
    const ms = Number(new URL(request.url ?? '', 'http://shop').searchParams.get('ms'))
    setTimeout(() => response.end('done'), ms)
  }
  const nodes = [await node('web-1', lasting), await node('web-2', lasting), await refusing('web-3')]
  await start(nodes)
  const balancer = rig.connect()
  const seen: number[] = []
  let isDone = false
  const looks = (async () => {
    while (!isDone) {
      for (const { inflight } of (await balancer.inspect(call())).nodes) seen.push(inflight ?? Number.NaN)
      await sleep(5)
    }
  })()

  const answered: number[] = []
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const client = createClient(rig.address)
      for (let index = 0; index < 25; index++) {
        const signal = Math.random() < 0.2 ? AbortSignal.timeout(Math.ceil(Math.random() * 20)) : undefined
        const sent = client.send(`/?ms=${Math.floor(Math.random() ** 3 * 60)}`, signal === undefined ? {} : { signal })
        const answer = await sent.catch((error: Error) => error)
        if (!(answer instanceof Error)) answered.push(answer.status)
        else if (signal === undefined) throw answer
      }
      client.close()
    }),
  )
  isDone = true
  await looks
  expect(new Set(answered)).toEqual(new Set([200]))
  expect(Math.max(...seen)).toBeGreaterThan(1)
  expect(Math.max(...seen)).toBeLessThanOrEqual(40)
  await vi.waitFor(async () => {
    expect((await balancer.inspect(call())).nodes.map(({ inflight }) => inflight)).toEqual([0, 0, 0])
  }, patience)
})

test('a node is reported drained within 100 ms of the last byte', async () => {
  const [one, two] = [await backend('web-1'), await backend('web-2')]
  await start([one, two])
  const balancer = rig.connect()
  const delays: number[] = []
  for (let round = 0; round < 5; round++) {
    await balancer.set('web-1', { admin: 'in' }, call())
    await balancer.set('web-2', { admin: 'out' }, call())
    const client = createClient(rig.address)
    const answer = client.send('/hold').then(() => performance.now())
    await vi.waitUntil(() => one.held.size === 1, patience)
    await balancer.set('web-2', { admin: 'in' }, call())
    await balancer.set('web-1', { admin: 'out' }, call())
    one.release()
    await vi.waitFor(async () => {
      expect((await balancer.inspect(call())).nodes[0]).toMatchObject({ state: 'drained', inflight: 0 })
    }, patience)
    delays.push(performance.now() - (await answer))
    client.close()
  }
  // Of five, since the machine may be busy otherwise.
  expect(Math.min(...delays)).toBeLessThan(100)
})

test('a WebSocket is in flight until it ends; idle connections, of clients and to nodes, are not', async () => {
  const [one, two] = [await backend('web-1'), await backend('web-2')]
  await start([one, two])
  const balancer = rig.connect()
  await balancer.set('web-2', { admin: 'out' }, call())
  const clients = Array.from({ length: 5 }, () => createClient(rig.address))
  for (let round = 0; round < 3; round++) await Promise.all(clients.map((client) => client.send('/')))
  await vi.waitFor(async () => expect(await inflight()).toBe(0), patience)
  expect(Number((await rig.haproxy.ask('show servers conn shop')).match(/web-1.*/)?.[0].split(' ')[8])).toBeGreaterThan(
    0,
  )

  const socket = new WebSocket(`ws://${rig.address.host}:${rig.address.port}/socket`)
  await once(socket, 'open')
  expect(await inflight()).toBe(1)
  await balancer.set('web-2', { admin: 'in' }, call())
  await balancer.set('web-1', { admin: 'out' }, call())
  expect((await balancer.inspect(call())).nodes[0]).toMatchObject({ state: 'draining', longLived: 0 })
  socket.send('still here')
  expect(String((await once(socket, 'message'))[0])).toBe('still here')
  await expect(balancer.closeLongLived('web-1', call())).rejects.toMatchObject({
    code: 'unsupported',
    hint: expect.stringContaining('onDrainTimeout'),
  })
  socket.close()
  await vi.waitFor(async () => {
    expect((await balancer.inspect(call())).nodes[0]).toMatchObject({ state: 'drained' })
  }, patience)
  for (const client of clients) client.close()

  async function inflight() {
    return (await balancer.inspect(call())).nodes[0]?.inflight
  }
})

test('shares stay within 0.5 % of the weights, right after they were changed as well', async () => {
  const nodes = [await node('web-1', answer), await node('web-2', answer), await node('web-3', answer)]
  await start(nodes)
  const balancer = rig.connect()
  for (const weights of [
    [10, 10, 10],
    [1, 10, 10],
    [100, 256, 10],
    [5, 1, 1],
  ]) {
    for (const [index, weight] of weights.entries()) {
      await balancer.set(`web-${index + 1}`, { admin: 'in', weight }, call())
    }
    const counts = await share(4_000)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (const [index, weight] of weights.entries()) {
      expect(Math.abs((counts.get(`web-${index + 1}`) ?? 0) / 4_000 - weight / total)).toBeLessThan(0.005)
    }
  }

  async function share(times: number): Promise<Map<string | null, number>> {
    const counts = new Map<string | null, number>()
    let left = times
    const worker = async () => {
      const client = createClient(rig.address)
      while (left-- > 0) {
        const { node: id } = await client.send('/')
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      client.close()
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    return counts
  }
})

test('an order that a node has begun on is never sent to another when that node dies', async () => {
  const seen: string[] = []
  const dying = async (request: IncomingMessage, response: ServerResponse) => {
    let order = ''
    for await (const chunk of request) order += chunk
    seen.push(order)
    if (Number(order) % 3 === 0) response.socket?.resetAndDestroy()
    else if (Number(order) % 3 === 1) response.socket?.end('HTTP/1.1 20')
    else response.end('ok')
  }
  await start([await node('web-1', dying), await node('web-2', dying)])
  const statuses: number[] = []
  const client = createClient(rig.address)
  for (let order = 0; order < 60; order++) {
    const sent = client.send('/orders', { method: 'POST', body: String(order) })
    statuses.push(
      await sent.then(
        ({ status }) => status,
        () => 0,
      ),
    )
  }
  client.close()
  expect(statuses.filter((status) => status === 200)).toHaveLength(20)
  expect(seen.sort()).toEqual(Array.from({ length: 60 }, (_, order) => String(order)).sort())
})

type Served = Pick<Backend, 'id' | 'host' | 'port' | 'weight'>

async function start(nodes: readonly Served[]): Promise<void> {
  rig = await startHaproxyRig(nodes as readonly Backend[], {
    // What is refused here stays in: nobody finds it down.
    edit: (config) => config.replace(/ check inter \S+/, ''),
  })
  closing.push(() => rig.close())
}

async function backend(id: string): Promise<Backend> {
  const started = await startBackend(id)
  closing.push(() => started.stop())
  return started
}

function answer(_request: IncomingMessage, response: ServerResponse): void {
  response.end('ok')
}

async function node(id: string, listener: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createServer((request, response) => {
    response.setHeader('x-node', id)
    return listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return { id, host: '127.0.0.1', port: (server.address() as AddressInfo).port, weight: 10 }
}

/** Nothing listens there. */
async function refusing(id: string): Promise<Served> {
  const found = await node(id, answer)
  await closing.pop()?.()
  return found
}
