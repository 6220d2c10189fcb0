import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExchangeResult, Lease, Upstream } from '../../src/balancing.ts'
import { createTable, type Table } from '../../src/table/table.ts'

const answered: ExchangeResult = { status: 200, failure: null, retried: false, durationMs: 12 }
const refused: ExchangeResult = { status: null, failure: 'refused', retried: true, durationMs: 1 }

describe('shares', () => {
  it('follow the weights within half a per cent over 100,000 requests', () => {
    const table = tableOf({ a: 10, b: 20, c: 30, d: 1 })
    expectShares(pick(table, 100_000), { a: 10, b: 20, c: 30, d: 1 })
  })

  it('are right from the first request after any change', () => {
    const table = tableOf({ a: 10, b: 10, c: 20 })
    pick(table, 13)
    table.set('c', { admin: 'out' })
    expectShares(pick(table, 1000), { a: 10, b: 10 })
    table.set('c', { admin: 'in' })
    expectShares(pick(table, 1000), { a: 10, b: 10, c: 20 })
    table.set('a', { weight: 70 })
    expectShares(pick(table, 1000), { a: 70, b: 10, c: 20 })
  })

  it('hold while nodes come and go all the time', () => {
    const table = tableOf({ a: 50, b: 30, c: 20, d: 10 })
    const picks: string[] = []
    for (let change = 0; picks.length < 100_000; change++) {
      picks.push(...pick(table, 7))
      table.set('d', { admin: change % 2 === 0 ? 'out' : 'in' })
    }
    const rest = picks.filter((id) => id !== 'd')
    expectShares(rest, { a: 50, b: 30, c: 20 })
  })

  it('give no node a burst after a change', () => {
    const table = tableOf({ a: 5, b: 5, c: 5, d: 5 })
    for (let i = 0; i < 500; i++) {
      table.set('d', { admin: i % 2 === 0 ? 'out' : 'in' })
      const [first, second] = pick(table, 2)
      expect(first).not.toBe(second)
    }
  })
})

describe('a lease', () => {
  it('counts as in flight from the choice of the node until its end, once', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (steps) => {
        const table = tableOf({ a: 2, b: 1 })
        const open: Lease[] = []
        for (const begin of steps) {
          if (begin) open.push(table.lease([])!)
          else {
            const lease = open.shift()
            lease?.end(answered)
            lease?.end(answered)
          }
          for (const { id, inflight } of table.view()) {
            expect(inflight).toBe(open.filter((lease) => lease.upstream.id === id).length)
          }
        }
      }),
    )
  })

  it('goes to none of the nodes that were tried', () => {
    const table = tableOf({ a: 100, b: 1, c: 1 })
    const tried: Upstream[] = []
    for (let i = 0; i < 3; i++) tried.push(table.lease(tried)!.upstream)
    expect(new Set(tried.map(({ id }) => id)).size).toBe(3)
    expect(table.lease(tried)).toBeUndefined()
  })

  it('never goes to a node that is out, whatever else changes', () => {
    const change = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      act: fc.constantFrom('in', 'out', 'up', 'down', 'w'),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const table = tableOf({ a: 3, b: 2, c: 1 })
        for (const { id, act } of changes) {
          if (act === 'in' || act === 'out') table.set(id, { admin: act })
          else if (act === 'w') table.set(id, { weight: 1 + changes.length })
          else table.setHealthy(id, act === 'up')
          const allowed = table.view().filter((node) => node.admin === 'in')
          const healthy = allowed.filter((node) => node.healthy)
          const wanted = (healthy.length > 0 ? healthy : allowed).map((node) => node.id)
          const lease = table.lease([])
          if (wanted.length === 0) expect(lease).toBeUndefined()
          else expect(wanted).toContain(lease?.upstream.id)
          lease?.end(answered)
        }
      }),
    )
  })

  it('is of the same node object for as long as the table lives', () => {
    const table = tableOf({ a: 1 })
    const first = table.lease([])!.upstream
    table.set('a', { weight: 9 })
    expect(table.lease([])!.upstream).toBe(first)
  })
})

describe('states', () => {
  it('tell serving, draining, drained and down apart', () => {
    const table = tableOf({ a: 1 })
    const state = () => table.view()[0]!.state
    expect(state()).toBe('serving')
    const lease = table.lease([])!
    table.set('a', { admin: 'out' })
    expect(state()).toBe('draining')
    lease.end(answered)
    expect(state()).toBe('drained')
    table.set('a', { admin: 'in' })
    table.setHealthy('a', false)
    expect(state()).toBe('down')
    table.set('a', { admin: 'in' })
    expect(state()).toBe('serving')
  })
})

describe('passive marking', () => {
  it('takes a node down after so many failures in a row, and only those of the node', () => {
    const table = tableOf({ a: 1, b: 1 })
    fail(table, 'a', 2)
    expect(healthy(table)).toEqual(['a', 'b'])
    endOne(table, 'a', answered)
    fail(table, 'a', 2)
    expect(healthy(table)).toEqual(['a', 'b'])
    for (let i = 0; i < 5; i++) endOne(table, 'b', { ...answered, status: 500 })
    for (let i = 0; i < 5; i++) endOne(table, 'b', { ...answered, status: null })
    fail(table, 'a', 1)
    expect(healthy(table)).toEqual(['b'])
    expect(new Set(pick(table, 10))).toEqual(new Set(['b']))
  })

  it('never takes the last healthy node', () => {
    const table = tableOf({ a: 1, b: 1, c: 1 })
    table.set('c', { admin: 'out' })
    fail(table, 'a', 3)
    fail(table, 'b', 50)
    expect(healthy(table)).toEqual(['b', 'c'])
    expect(table.lease([])?.upstream.id).toBe('b')
  })

  it('is forgotten when the node is put in', () => {
    const table = tableOf({ a: 1, b: 1 })
    fail(table, 'a', 3)
    table.set('a', { admin: 'out' })
    table.set('a', { admin: 'in' })
    expect(healthy(table)).toEqual(['a', 'b'])
  })
})

it('serves through every node that is in when all of them are unhealthy', () => {
  const table = tableOf({ a: 1, b: 1, c: 1 })
  table.set('c', { admin: 'out' })
  table.setHealthy('a', false)
  table.setHealthy('b', false)
  expect(new Set(pick(table, 10))).toEqual(new Set(['a', 'b']))
})

describe('long-lived connections', () => {
  it('are counted, and closed when asked for', () => {
    const table = tableOf({ a: 1 })
    const plain = table.lease([])!
    const socket = table.lease([])!
    let closed = 0
    socket.becomesLongLived(() => {
      closed++
      socket.end(answered)
    })
    expect(table.view()[0]).toMatchObject({ inflight: 2, longLived: 1 })
    table.closeLongLived('a')
    expect(closed).toBe(1)
    expect(table.view()[0]).toMatchObject({ inflight: 1, longLived: 0 })
    plain.end(answered)
  })

  it('are closed too when they become so only after they were asked to close', async () => {
    const table = tableOf({ a: 1 })
    const lease = table.lease([])!
    table.set('a', { admin: 'out' })
    table.closeLongLived('a')
    await new Promise<void>((resolve) => lease.becomesLongLived(resolve))
    lease.end(answered)
    table.set('a', { admin: 'in' })
    let closed = false
    table.lease([])!.becomesLongLived(() => {
      closed = true
    })
    await Promise.resolve()
    expect(closed).toBe(false)
  })

  it('are left out of the latencies', () => {
    const table = tableOf({ a: 1 })
    const lease = table.lease([])!
    lease.becomesLongLived(() => {})
    lease.end({ ...answered, status: 101, durationMs: 3_600_000 })
    expect(table.metrics('a').statuses).toMatchObject({ '1xx': 1 })
    expect(table.metrics('a').latency.counts.at(-1)).toBe(0)
  })
})

it('counts by status class, failures, retries and latency', () => {
  const table = tableOf({ a: 1 })
  endOne(table, 'a', { ...answered, durationMs: 0.4 })
  endOne(table, 'a', { ...answered, status: 503, durationMs: 40 })
  endOne(table, 'a', { ...answered, status: 404, durationMs: 90_000 })
  endOne(table, 'a', refused)
  const metrics = table.metrics('a')
  expect(metrics).toMatchObject({ requests: 4, failures: 1, retries: 1 })
  expect(metrics.statuses).toEqual({ '1xx': 0, '2xx': 1, '3xx': 0, '4xx': 1, '5xx': 1 })
  const { bounds, counts, sum } = metrics.latency
  expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY)
  expect(counts[0]).toBe(1)
  expect(counts[bounds.indexOf(0.05)]).toBe(2)
  expect(counts.at(-2)).toBe(2)
  expect(counts.at(-1)).toBe(3)
  expect(sum).toBeCloseTo(90.0404)
})

function tableOf(weights: Readonly<Record<string, number>>): Table {
  const nodes = Object.entries(weights).map(([id, weight]) => ({
    id,
    weight,
    host: 'h',
    port: 1,
    admin: 'in' as const,
  }))
  return createTable({ nodes, passiveFailures: 3 })
}

function pick(table: Table, count: number): readonly string[] {
  return Array.from({ length: count }, () => {
    const lease = table.lease([])!
    lease.end(answered)
    return lease.upstream.id
  })
}

function expectShares(picks: readonly string[], weights: Readonly<Record<string, number>>): void {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  const counts = new Map<string, number>()
  for (const id of picks) counts.set(id, (counts.get(id) ?? 0) + 1)
  expect([...counts.keys()].sort()).toEqual(Object.keys(weights).sort())
  for (const [id, weight] of Object.entries(weights)) {
    expect(Math.abs(counts.get(id)! / picks.length - weight / total), id).toBeLessThan(0.005)
  }
}

function healthy(table: Table): readonly string[] {
  return table
    .view()
    .filter((node) => node.healthy)
    .map((node) => node.id)
}

function fail(table: Table, id: string, times: number): void {
  for (let i = 0; i < times; i++) endOne(table, id, refused)
}

/** Ends one exchange with this very node. */
function endOne(table: Table, id: string, result: ExchangeResult): void {
  const others: Upstream[] = []
  for (;;) {
    const lease = table.lease(others)
    if (lease === undefined) throw new Error(`${id} gets no requests`)
    const found = lease.upstream.id === id
    lease.end(found ? result : { ...answered, status: null })
    if (found) return
    others.push(lease.upstream)
  }
}
