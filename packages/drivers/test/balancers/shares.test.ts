import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Balancer } from '@baton/core'
import { findServer, freePorts, type Nginx, needServer, startNginx } from '@baton/testkit'
import { afterEach, expect, test, vi } from 'vitest'
import { startDynamicNginx } from '../nginx/dynamic-nginx.ts'
import type { Backend } from './backend.ts'
import type { BalancerRig } from './balancer-contract.ts'
import { startHaproxyRig } from './haproxy-rig.ts'

/** How many requests a share is measured over. */
const REQUESTS = 100_000

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

test('nginx with 4 workers gives each node its share of 100,000 requests within half a percent, right after changes too', {
  timeout: 180_000,
}, async (context) => {
  needServer('nginx', context)
  needServer('nginx-lua', context)
  needServer('wrk', context)
  await expectShares(await startDynamicNginx({ backends: await startNodes([50, 30, 20]), workers: 4 }))
})

test('HAProxy gives each node its share of 100,000 requests within half a percent, right after changes too', {
  timeout: 180_000,
}, async (context) => {
  needServer('haproxy', context)
  needServer('nginx', context)
  needServer('wrk', context)
  await expectShares(await startHaproxyRig(await startNodes([50, 30, 20])))
})

async function expectShares(rig: BalancerRig): Promise<void> {
  closing.push(() => rig.close())
  const balancer = rig.connect()
  const load = startLoad(rig.address)
  closing.push(load.stop)
  await expectNext(balancer, load, { 'web-1': 50, 'web-2': 30, 'web-3': 20 })
  await balancer.set('web-1', { admin: 'out' }, call())
  await expectNext(balancer, load, { 'web-1': 0, 'web-2': 30, 'web-3': 20 })
  await balancer.set('web-1', { admin: 'in', weight: 200 }, call())
  await balancer.set('web-3', { admin: 'in', weight: 3 }, call())
  await expectNext(balancer, load, { 'web-1': 200, 'web-2': 30, 'web-3': 3 })
}

/** Of the next 100,000 requests. The load pauses before and after: what it has sent is counted a moment later. */
async function expectNext(balancer: Balancer, load: Load, weights: Readonly<Record<string, number>>): Promise<void> {
  const grownSince = async (before: Record<string, number>) => {
    const now = await countsOf(balancer, weights)
    return Object.keys(weights).map((id) => (now[id] ?? 0) - (before[id] ?? 0))
  }
  const settled = async () => {
    let last = await countsOf(balancer, weights)
    do {
      last = await countsOf(balancer, weights)
      await new Promise((resolve) => setTimeout(resolve, 400))
    } while (sum(await grownSince(last)) > 0)
    return last
  }
  const before = await settled()
  load.go()
  await vi.waitUntil(async () => sum(await grownSince(before)) > REQUESTS, { timeout: 60_000, interval: 50 })
  load.pause()
  await settled()
  const grown = await grownSince(before)
  const whole = sum(Object.values(weights))
  for (const [index, [id, weight]] of Object.entries(weights).entries()) {
    const share = (grown[index] ?? 0) / sum(grown)
    expect(Math.abs(share - weight / whole), `${id}: ${share}, not ${weight / whole}`).toBeLessThan(0.005)
  }
}

async function countsOf(balancer: Balancer, weights: object): Promise<Record<string, number>> {
  const counts = Object.keys(weights).map(async (id) => [id, (await balancer.metrics(id, call())).requests] as const)
  return Object.fromEntries(await Promise.all(counts))
}

/** Nodes that answer as fast as can be: one nginx on several ports. */
async function startNodes(weights: readonly number[]): Promise<Pick<Backend, 'id' | 'host' | 'port' | 'weight'>[]> {
  const ports = await freePorts(weights.length)
  const listens = ports.map((port) => `listen 127.0.0.1:${port};`).join(' ')
  const nginx: Nginx = await startNginx({
    http: `server { ${listens} keepalive_requests 1000000; return 200 "ok\\n"; }`,
  })
  closing.push(() => nginx.close())
  return weights.map((weight, index) => ({
    id: `web-${index + 1}`,
    host: '127.0.0.1',
    port: ports[index] ?? 0,
    weight,
  }))
}

interface Load {
  go(): void
  pause(): void
  stop(): Promise<void>
}

/** wrk, asking as fast as it gets answers, while it goes. */
function startLoad({ host, port }: { readonly host: string; readonly port: number }): Load {
  const argv = ['-t1', '-c16', '-d170s', `http://${host}:${port}/`]
  const child = spawn(findServer('wrk') ?? 'wrk', argv, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  child.kill('SIGSTOP')
  return {
    go: () => void child.kill('SIGCONT'),
    pause: () => void child.kill('SIGSTOP'),
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function call(token = 1) {
  return { signal: AbortSignal.timeout(15_000), token }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
