import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import type { Balancer, BalancerNodeView, Call } from '@baton/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Backend, startBackend } from './backend.ts'
import { type Answer, type Client, createClient, openStream } from './client.ts'

/** A balancer that runs, with web-1 and web-2 (weight 10 each, GET /health) behind it. */
export interface BalancerRig {
  /** Where clients connect. */
  readonly address: { readonly host: string; readonly port: number }
  /** The socket through which the balancer is changed; null where it has none. */
  readonly adminSocket: string | null
  /** A driver of its own each time, as another process would have it. */
  connect(): Balancer
  /** As kill -9 does. */
  kill(): Promise<void>
  /** Starts the balancer again, as it was configured first. */
  start(): Promise<void>
  close(): Promise<void>
}

export interface BalancerSetUp {
  readonly start: (backends: readonly Backend[]) => Promise<BalancerRig>
  /** What this balancer does not do by itself; everything else every balancer must. */
  readonly lacks?: readonly ('webSockets' | 'healthChecks' | 'retries' | 'clientConnections')[]
}

interface HoldOptions {
  readonly times?: number
  readonly signal?: AbortSignal
}

/** What every driver of a balancer must do, whatever balancer it drives. */
export function describeBalancerContract(name: string, { start, lacks = [] }: BalancerSetUp): void {
  let one: Backend
  let two: Backend
  let rig: BalancerRig
  let balancer: Balancer
  let clients: Client[]

  beforeEach(async () => {
    clients = []
    one = await startBackend('web-1')
    two = await startBackend('web-2')
    rig = await start([one, two])
    balancer = rig.connect()
  })

  afterEach(async () => {
    for (const client of clients) client.close()
    await rig.close()
    await Promise.all([one.stop(), two.stop()])
  })

  describe(`${name}, as every balancer`, () => {
    test('says which nodes there are, and that they serve', async () => {
      const { nodes, generation } = await balancer.inspect(call())
      expect(generation).toMatch(/./)
      expect(nodes).toEqual(
        [one, two].map(({ id, host, port }) => ({
          id,
          address: `${host}:${port}`,
          state: 'serving',
          weight: 10,
          healthy: true,
          ...count(0),
          longLived: 0,
        })),
      )
    })

    test('says what the balancer says, not what this driver has asked for', async () => {
      await rig.connect().set('web-1', { admin: 'out' }, call())
      await rig.connect().set('web-2', { admin: 'in', weight: 7 }, call())
      expect(await nodeOf('web-1')).toMatchObject({ state: 'drained' })
      expect(await nodeOf('web-2')).toMatchObject({ state: 'serving', weight: 7 })
    })

    test('shares requests by weight, and smoothly', async ({ skip }) => {
      skip(!balancer.supports.weights, 'no weights')
      await balancer.set('web-1', { admin: 'in', weight: 30 }, call())
      const client = newClient()
      const nodes: (string | null)[] = []
      for (let index = 0; index < 80; index++) nodes.push((await client.send('/')).node)
      const toFirst = nodes.filter((node) => node === 'web-1').length
      expect(toFirst).toBeGreaterThanOrEqual(58)
      expect(toFirst).toBeLessThanOrEqual(62)
      expect(longestRun(nodes)).toBeLessThanOrEqual(4)
    })

    test('under load, sends no request to a node from the moment that `out` resolves, and loses none', async ({
      skip,
    }) => {
      skip(lacks.includes('clientConnections'), 'cuts clients off')
      let phase = 'before'
      let isDone = false
      const workers = Array.from({ length: 8 }, async (_, index) => {
        const client = newClient()
        const method = index % 2 === 0 ? 'GET' : 'POST'
        const answers = []
        while (!isDone) answers.push(await client.send(`/?${phase}`, { method, body: method === 'GET' ? '' : 'x' }))
        return answers
      })
      const work = Promise.all(workers)
      // Looked at in the end; until then a failed worker is not an unhandled error.
      work.catch(() => {})
      try {
        for (let round = 1; round <= 5; round++) {
          await balancer.set('web-1', { admin: 'out' }, call())
          phase = `out-${round}`
          await seenBy(two, { path: `/?${phase}`, times: 40 })
          // Only until now: from here on they may go to either.
          expect(one.seen).not.toContain(`/?${phase}`)
          await balancer.set('web-1', { admin: 'in' }, call())
          phase = `in-${round}`
          await seenBy(one, { path: `/?${phase}`, times: 20 })
        }
      } finally {
        isDone = true
      }
      for (const answers of await work) {
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
        // Its connection was never closed under it.
        expect(new Set(answers.map(({ localPort }) => localPort)).size).toBe(1)
      }
    })

    test('lets requests in flight finish on a node that is out', async () => {
      const { answers } = await hold(one)
      await balancer.set('web-1', { admin: 'out' }, call())
      expect(await nodeOf('web-1')).toMatchObject({ state: 'draining', ...count(1) })
      expect((await newClient().send('/')).node).toBe('web-2')
      one.release()
      expect(await answers[0]).toMatchObject({ status: 200, node: 'web-1' })
      await becomes('web-1', { state: 'drained', ...count(0) })
    })

    test('keeps idle client connections open, and usable, when nodes go out and come back', async ({ skip }) => {
      skip(lacks.includes('clientConnections'), 'cuts clients off')
      const idle = [newClient(), newClient(), newClient(), newClient()]
      const before = await Promise.all(idle.map((client) => client.send('/')))
      await balancer.set('web-1', { admin: 'out' }, call())
      const after = await Promise.all(idle.map((client) => client.send('/', { method: 'POST', body: 'order' })))
      await balancer.set('web-1', { admin: 'in' }, call())
      const later = await Promise.all(idle.map((client) => client.send('/')))
      const ports = before.map(({ localPort }) => localPort)
      expect(after.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect(after.map(({ localPort }) => localPort)).toEqual(ports)
      expect(later.map(({ localPort }) => localPort)).toEqual(ports)
    })

    test('counts what is in flight exactly, for each node', async ({ skip }) => {
      skip(!balancer.supports.inflight, 'counts nothing in flight')
      const leaving = new AbortController()
      await hold(two, { times: 3 })
      await hold(one, { times: 2 })
      const { answers } = await hold(one, { times: 2, signal: leaving.signal })
      await becomes('web-1', count(4))
      await becomes('web-2', count(3))
      leaving.abort()
      await Promise.allSettled(answers)
      await becomes('web-1', count(2))
      one.release()
      await becomes('web-1', count(0))
      await becomes('web-2', count(3))
      two.release()
      await becomes('web-2', count(0))
    })

    test('closes event streams that outlive the drain, and only those of the node', async ({ skip }) => {
      skip(!balancer.supports.closeLongLived, 'closes nothing')
      const streams = await Promise.all([openStream(rig.address, '/events'), openStream(rig.address, '/events')])
      const ended = new Promise((resolve) => {
        for (const stream of streams) stream.resume().on('end', () => resolve(stream.headers['x-node']))
      })
      await becomes('web-1', { ...count(1), longLived: 1 })
      await balancer.set('web-1', { admin: 'out' }, call())
      expect(await nodeOf('web-1')).toMatchObject({ state: 'draining', longLived: 1 })
      await balancer.closeLongLived('web-1', call())
      expect(await ended).toBe('web-1')
      await becomes('web-1', { state: 'drained', longLived: 0 })
      expect(await nodeOf('web-2')).toMatchObject({ state: 'serving', longLived: 1 })
      for (const stream of streams) stream.on('error', () => {}).destroy()
    })

    test.skipIf(lacks.includes('webSockets'))('waits for WebSockets, then closes them with code 1012', async () => {
      await balancer.set('web-2', { admin: 'out' }, call())
      const socket = new WebSocket(`ws://${rig.address.host}:${rig.address.port}/socket`)
      await once(socket, 'open')
      await balancer.set('web-2', { admin: 'in' }, call())
      await balancer.set('web-1', { admin: 'out' }, call())
      expect(await nodeOf('web-1')).toMatchObject({ state: 'draining', longLived: 1 })
      socket.send('still here')
      expect(String((await once(socket, 'message'))[0])).toBe('still here')
      const closed = once(socket, 'close')
      await balancer.closeLongLived('web-1', call())
      expect((await closed)[0]).toBe(1012)
      await becomes('web-1', { state: 'drained', longLived: 0 })
    })

    test('keeps a node out, its weight and the newest token over kill -9 and a start', async () => {
      const { generation } = await balancer.inspect(call())
      await balancer.set('web-2', { admin: 'in', weight: 7 }, call(3))
      await balancer.set('web-1', { admin: 'out' }, call(5))
      await rig.kill()
      await rig.start()
      expect((await balancer.inspect(call())).generation).not.toBe(generation)
      expect(await nodeOf('web-1')).toMatchObject({ state: 'drained' })
      expect(await nodeOf('web-2')).toMatchObject({ state: 'serving', weight: 7 })
      const client = newClient()
      for (let index = 0; index < 10; index++) expect((await client.send('/')).node).toBe('web-2')
      expect(one.seen).toEqual([])
      await expect(balancer.set('web-1', { admin: 'in' }, call(4))).rejects.toMatchObject({ code: 'stale-token' })
      await balancer.set('web-1', { admin: 'in' }, call(5))
      await expectServed(one)
    })

    test('refuses every change under an older token than the newest it has seen', async () => {
      await balancer.set('web-1', { admin: 'out' }, call(6))
      await balancer.fence(call(7))
      for (const stale of [6, 1]) {
        const refused = { code: 'stale-token', hint: expect.stringMatching(/./) }
        await expect(balancer.set('web-1', { admin: 'in' }, call(stale))).rejects.toMatchObject(refused)
        await expect(balancer.closeLongLived('web-1', call(stale))).rejects.toMatchObject(refused)
        await expect(balancer.fence(call(stale))).rejects.toMatchObject(refused)
      }
      expect(await nodeOf('web-1')).toMatchObject({ state: 'drained' })
      await balancer.fence(call(7))
      await balancer.set('web-1', { admin: 'in' }, call(7))
      await balancer.set('web-1', { admin: 'out' }, call(8))
      await expect(balancer.set('web-1', { admin: 'in' }, call(7))).rejects.toMatchObject({ code: 'stale-token' })
    })

    test('takes the same order twice', async () => {
      for (let time = 0; time < 2; time++) {
        await balancer.set('web-1', { admin: 'out', weight: 5 }, call())
        if (balancer.supports.closeLongLived) await balancer.closeLongLived('web-1', call())
        expect(await nodeOf('web-1')).toMatchObject({ state: 'drained', weight: 5 })
      }
      for (let time = 0; time < 2; time++) {
        await balancer.set('web-1', { admin: 'in' }, call())
        expect(await nodeOf('web-1')).toMatchObject({ state: 'serving', weight: 5 })
      }
      await expectServed(one)
    })

    test('refuses a node it does not have', async () => {
      const unknown = { code: 'unknown-node', message: expect.stringContaining('web-9') }
      await expect(balancer.set('web-9', { admin: 'out' }, call())).rejects.toMatchObject(unknown)
      await expect(balancer.closeLongLived('web-9', call())).rejects.toMatchObject(unknown)
      if (balancer.supports.metrics) await expect(balancer.metrics('web-9', call())).rejects.toMatchObject(unknown)
    })

    test('counts each node’s requests and answers', async ({ skip }) => {
      skip(!balancer.supports.metrics, 'no metrics')
      await balancer.set('web-2', { admin: 'out' }, call())
      const client = newClient()
      for (const path of ['/', '/status/204', '/status/404', '/status/503', '/status/302']) await client.send(path)
      const metrics = await vi.waitUntil(async () => {
        const found = await balancer.metrics('web-1', call())
        return found.requests === 5 && found
      }, PATIENCE)
      expect(metrics.statuses).toMatchObject({ '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 1 })
      const { bounds, counts } = metrics.latency
      expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY)
      expect(counts).toHaveLength(bounds.length)
      expect(counts.at(-1)).toBe(5)
      expect((await balancer.metrics('web-2', call())).requests).toBe(0)
    })

    test('that does not run fails, when the deadline ends, with what to do', async () => {
      await rig.kill()
      const unreachable = { code: 'balancer-unreachable', hint: expect.stringMatching(/./) }
      await expect(balancer.inspect(call(1, 100))).rejects.toMatchObject(unreachable)
      await expect(balancer.set('web-1', { admin: 'out' }, call(1, 100))).rejects.toMatchObject(unreachable)
      await expect(balancer.fence(call(1, 100))).rejects.toMatchObject(unreachable)
    })

    test('that is being restarted is waited for', async () => {
      await rig.kill()
      const drained = balancer.set('web-1', { admin: 'out' }, call())
      const inspected = balancer.inspect(call())
      await rig.start()
      await drained
      expect((await inspected).nodes).toHaveLength(2)
      expect(await nodeOf('web-1')).toMatchObject({ state: 'drained' })
    })

    test('does nothing under a signal that has aborted', async () => {
      const aborted: Call = { signal: AbortSignal.abort(new Error('enough')), token: 1 }
      await expect(balancer.inspect(aborted)).rejects.toThrow('enough')
      await expect(balancer.set('web-1', { admin: 'out' }, aborted)).rejects.toThrow('enough')
      await expect(balancer.fence(aborted)).rejects.toThrow('enough')
      expect(await nodeOf('web-1')).toMatchObject({ state: 'serving' })
    })

    test('can be changed by its owner alone', async ({ skip }) => {
      const { adminSocket } = rig
      if (adminSocket === null) return skip('no admin socket')
      expect((await stat(adminSocket)).mode & 0o777).toBe(0o600)
    })

    test.skipIf(lacks.includes('healthChecks'))(
      'says that a node is down, and sends it nothing until it is up',
      async () => {
        await one.stop()
        await becomes('web-1', { state: 'down', healthy: false })
        expect((await newClient().send('/')).node).toBe('web-2')
        await one.start()
        await becomes('web-1', { state: 'serving', healthy: true })
        await expectServed(one)
      },
    )

    test.skipIf(lacks.includes('retries'))('tries another node when one refuses the connection', async () => {
      await one.stop()
      const client = newClient()
      for (let index = 0; index < 10; index++) {
        expect(await client.send('/', { method: 'POST', body: 'order' })).toMatchObject({ status: 200, node: 'web-2' })
      }
    })
  })

  function newClient(): Client {
    const client = createClient(rig.address)
    clients.push(client)
    return client
  }

  async function nodeOf(id: string): Promise<BalancerNodeView | undefined> {
    return (await balancer.inspect(call())).nodes.find((node) => node.id === id)
  }

  /** The balancer learns of the end of an exchange when the client does, not before. */
  async function becomes(id: string, wanted: Partial<BalancerNodeView>): Promise<void> {
    await vi.waitFor(async () => expect(await nodeOf(id)).toMatchObject(wanted), PATIENCE)
  }

  const count = (inflight: number) => ({ inflight: balancer.supports.inflight ? inflight : null })

  /** Sends requests that this node holds: the other one is out meanwhile. Their answers come when it lets go. */
  async function hold(
    backend: Backend,
    { times = 1, signal }: HoldOptions = {},
  ): Promise<{ answers: Promise<Answer>[] }> {
    const other = backend === one ? 'web-2' : 'web-1'
    const goal = backend.held.size + times
    await balancer.set(other, { admin: 'out' }, call())
    const answers = Array.from({ length: times }, () =>
      newClient().send('/hold', signal === undefined ? {} : { signal }),
    )
    // Those that nobody waits for may be cut off at the end of the test: no unhandled error.
    for (const answer of answers) answer.catch(() => {})
    await vi.waitUntil(() => backend.held.size === goal, PATIENCE)
    await balancer.set(other, { admin: 'in' }, call())
    return { answers }
  }

  async function expectServed(backend: Backend): Promise<void> {
    const client = newClient()
    await vi.waitUntil(async () => (await client.send('/')).node === backend.id, PATIENCE)
  }
}

const PATIENCE = { timeout: 15_000, interval: 10 }

function call(token = 1, timeoutMs = 15_000): Call {
  return { signal: AbortSignal.timeout(timeoutMs), token }
}

async function seenBy({ seen }: Backend, wanted: { path: string; times: number }): Promise<void> {
  const times = () => seen.filter((path) => path === wanted.path).length
  await vi.waitUntil(() => times() >= wanted.times, PATIENCE)
}

function longestRun(values: readonly unknown[]): number {
  let longest = 0
  let run = 0
  values.forEach((value, index) => {
    run = index > 0 && value === values[index - 1] ? run + 1 : 1
    longest = Math.max(longest, run)
  })
  return longest
}
