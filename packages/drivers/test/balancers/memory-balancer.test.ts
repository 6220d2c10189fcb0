import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createMemoryBalancer, type MemoryBalancer } from '../../src/balancers/memory/memory-balancer.ts'
import type { Backend } from './backend.ts'
import { type BalancerRig, describeBalancerContract } from './balancer-contract.ts'

describeBalancerContract('the balancer in memory', { start, lacks: ['webSockets', 'healthChecks', 'retries'] })

const nodes = [
  { id: 'web-1', address: '127.0.0.1:3001', weight: 10 },
  { id: 'web-2', address: '127.0.0.1:3002', weight: 10 },
]
const call = { signal: new AbortController().signal, token: 1 }

test('a test can say what is in flight and who is healthy', async () => {
  const balancer = createMemoryBalancer({ nodes })
  balancer.setInflight('web-1', { inflight: 4, longLived: 1 })
  balancer.setHealthy('web-2', { healthy: false })
  expect((await balancer.inspect(call)).nodes).toMatchObject([
    { state: 'serving', inflight: 4, longLived: 1 },
    { state: 'down', healthy: false },
  ])
  expect([balancer.route(), balancer.route()].map((request) => request?.node)).toEqual(['web-1', 'web-1'])
  await balancer.set('web-1', { admin: 'out' }, call)
  expect(balancer.route()).toBeNull()
  await balancer.set('web-2', { admin: 'in' }, call)
  expect(balancer.route()?.node).toBe('web-2')
})

test('what was in flight in a crash is neither counted nor waited for', async () => {
  const balancer = createMemoryBalancer({ nodes })
  const lost = balancer.route()
  balancer.crash()
  balancer.start()
  lost?.end({ status: 200 })
  expect((await balancer.inspect(call)).nodes.map(({ inflight }) => inflight)).toEqual([0, 0])
  expect((await balancer.metrics('web-1', call)).requests).toBe(0)
})

/** A small proxy that asks this balancer where each request goes. */
async function start(backends: readonly Backend[]): Promise<BalancerRig> {
  const balancer = createMemoryBalancer({
    nodes: backends.map(({ id, host, port, weight }) => ({ id, address: `${host}:${port}`, weight })),
  })
  const front = serve(balancer, backends)
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return {
    address: { host: '127.0.0.1', port: (front.address() as AddressInfo).port },
    adminSocket: null,
    connect: () => balancer,
    async kill() {
      balancer.crash()
      front.closeAllConnections()
    },
    async start() {
      balancer.start()
    },
    async close() {
      front.close()
      front.closeAllConnections()
      await once(front, 'close')
    },
  }
}

function serve(balancer: MemoryBalancer, backends: readonly Backend[]) {
  return createServer((incoming, response) => {
    const routed = balancer.route({ onClose: () => response.end() })
    const backend = backends.find(({ id }) => id === routed?.node)
    if (routed === null || backend === undefined) {
      response.destroy()
      return
    }
    const { host, port } = backend
    const { method, url: path, headers } = incoming
    const outgoing = request({ host, port, method, path, headers, agent: false }, (answer) => {
      if (answer.headers['content-type'] === 'text/event-stream') routed.becomesLongLived()
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'keep-alive' })
      answer.on('error', () => response.destroy()).pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => {
      outgoing.destroy()
      routed.end({ status: response.statusCode })
    })
    incoming.pipe(outgoing)
  })
}
