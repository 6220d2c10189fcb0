import { type OpenMetricsContentType, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { SessionError } from '../src/errors.ts'
import { makeMeter } from '../src/metrics/meter.ts'
import { exportMetrics } from '../src/prometheus.ts'
import { unavailable } from '../src/stores/deadline.ts'
import { measured } from '../src/stores/measured.ts'
import { memoryStore } from '../src/stores/memory.ts'
import type { SessionStore, StoreHealth } from '../src/stores/store.ts'
import { serve } from './app.ts'
import { browser } from './client.ts'
import { newKey, record, sealed } from './describe-session-store.ts'

const set = new Map([['.a', sealed(1)]])

describe('a measured store', () => {
  it('counts each operation once, by how it went', async () => {
    const { store, meter } = measuredMemory()
    const [key, never] = [newKey(), newKey()]
    await store.create(key, record({}), 60_000)
    await store.create(key, record({}), 60_000)
    await store.load(key)
    await store.load(never)
    await store.commit(key, { set, remove: [] }, 60_000)
    await store.commit(never, { set, remove: [] }, 60_000)
    await store.update(key, { field: '.a', etag: 'other1', value: undefined }, 60_000)
    await store.update(never, { field: '.a', etag: '', value: undefined }, 60_000)
    await store.update(key, { field: '.b', etag: '', value: sealed(1) }, 60_000)
    await store.touch(key, 60_000)
    expect(await store.lock(key, 'one', 60_000)).toBeTypeOf('object')
    expect(await store.lock(key, 'two', 60_000)).toBe('taken')
    await expect(store.commit(key, { set, remove: [] }, 60_000, { lock: 'two' })).rejects.toThrow()
    await store.unlock(key, 'one')
    const rotation = { set: new Map(), remove: [], tombstone: 'r:x', keepAttributes: true, from: key, to: newKey() }
    expect(await store.rotate({ ...rotation, ifVersion: 99 }, 60_000)).toBe('conflict')
    await store.rotate(rotation, 60_000)
    await store.destroy(rotation.to)
    await store.destroy(rotation.to)
    await store.destroyAllOf('somebody')
    await store.count()
    await store.list({})

    const counted = Object.entries(meter.snapshot().operations).map(([name, { outcomes, latency }]) => [
      name,
      Object.fromEntries(Object.entries(outcomes).filter(([, count]) => count > 0)),
      latency.count,
    ])
    expect(counted).toEqual([
      ['load', { ok: 1, dead: 1 }, 2],
      ['create', { ok: 1, conflict: 1 }, 2],
      ['commit', { ok: 1, dead: 1, conflict: 1 }, 3],
      ['update', { ok: 1, dead: 1, conflict: 1 }, 3],
      ['rotate', { ok: 1, conflict: 1 }, 2],
      ['destroy', { ok: 1, dead: 1 }, 2],
      ['touch', { ok: 1 }, 1],
      ['destroyAllOf', { ok: 1 }, 1],
      ['lock', { ok: 1, conflict: 1 }, 2],
      ['unlock', { ok: 1 }, 1],
      ['count', { ok: 1 }, 1],
      ['list', { ok: 1 }, 1],
    ])
    await store.close()
  })

  it("hands on the store's own promises, and counts what it has at hand as a load", () => {
    const answer = Promise.resolve(undefined)
    const stored = { fields: new Map(), ttlMs: 1 }
    const meter = makeMeter()
    const inner: SessionStore = { ...memory(), load: () => answer, peek: (key) => (key === 'x' ? stored : undefined) }
    const store = measured(inner, meter)
    expect(store.load('x')).toBe(answer)
    expect([store.peek?.('x'), store.peek?.('y')]).toEqual([stored, undefined])
    expect(meter.snapshot().operations.load.outcomes).toMatchObject({ ok: 1, dead: 0 })
    const { peek: _, ...without } = inner
    expect('peek' in measured(without, meter)).toBe(false)
  })

  it('counts failures by kind, and an outage once, however many requests it fails', async () => {
    let health: StoreHealth = { state: 'down', sinceMs: 5 }
    let failure: Error = unavailable('away')
    const inner: SessionStore = { ...memory(), health: () => health, load: () => Promise.reject(failure) }
    const meter = makeMeter()
    const store = measured(inner, meter)
    for (let i = 0; i < 3; i += 1) await expect(store.load('x')).rejects.toThrow('away')
    failure = new SessionError('session-format', 'newer')
    await expect(store.load('x')).rejects.toThrow('newer')
    expect(meter.snapshot().store).toEqual({ up: false, sinceMs: 5, outages: 1 })
    expect(meter.snapshot().operations.load.outcomes).toMatchObject({ unavailable: 3, error: 1 })
    health = { state: 'up', sinceMs: 0 }
    await store.touch('x', 1)
    health = { state: 'down', sinceMs: 0 }
    failure = unavailable('away again')
    await expect(store.load('x')).rejects.toThrow('away again')
    expect(meter.snapshot().store.outages).toBe(2)
  })
})

describe('the meter', () => {
  it('puts latencies into buckets, those at a bound with it', () => {
    const meter = makeMeter()
    for (const seconds of [0.000001, 0.00001, 0.0011, 0.3, 60]) meter.operation('load', 'ok', seconds)
    const { latency } = meter.snapshot().operations.load
    expect(latency.count).toBe(5)
    expect(latency.sumSeconds).toBeCloseTo(60.301111)
    const at = (leSeconds: number) => latency.buckets.find((bucket) => bucket.leSeconds === leSeconds)?.count
    expect([at(0.00001), at(0.001), at(0.0025), at(0.25), at(0.5), at(5)]).toEqual([2, 2, 3, 3, 4, 4])
  })

  it('tells listeners each operation, until they leave, and suffers none that throws', () => {
    const meter = makeMeter()
    const seen: unknown[] = []
    meter.observe(() => {
      throw new Error('a broken exporter')
    })
    const leave = meter.observe((...observation) => seen.push(observation))
    meter.operation('commit', 'dead', 0.5)
    leave()
    meter.operation('commit', 'ok', 0.5)
    expect(seen).toEqual([['commit', 'dead', 0.5]])
  })
})

describe('prom-client', () => {
  it('scrapes the metrics over HTTP', async () => {
    const { store, meter } = measuredMemory()
    meter.attach({
      cache: () => ({ hits: 7, misses: 3, stale: 1, invalidated: 2, evicted: 0, entries: 4, bytes: 4096 }),
    })
    await store.load(newKey())
    meter.dropped()
    const register = new Registry()
    exportMetrics({ metrics: meter }, register)
    const app = await serve(async (_req, res) => {
      res.setHeader('Content-Type', register.contentType).end(await register.metrics())
    })
    const { body } = await browser(app.origin).get('/metrics')
    await app.close()
    const lines = body.split('\n')
    for (const line of [
      '# TYPE baton_session_operations_total counter',
      'baton_session_operations_total{operation="load",outcome="dead"} 1',
      'baton_session_operations_total{operation="load",outcome="unavailable"} 0',
      '# TYPE baton_session_operation_seconds histogram',
      'baton_session_operation_seconds_bucket{le="5",operation="load"} 1',
      'baton_session_operation_seconds_bucket{le="+Inf",operation="load"} 1',
      'baton_session_operation_seconds_count{operation="load"} 1',
      'baton_session_dropped_writes_total 1',
      'baton_session_store_up 1',
      'baton_session_store_outages_total 0',
      'baton_session_cache_total{result="hit"} 7',
      'baton_session_cache_total{result="miss"} 2',
      'baton_session_cache_total{result="stale"} 1',
      'baton_session_cache_dropped_total{reason="invalidated"} 2',
      'baton_session_cache_entries 4',
      'baton_session_cache_bytes 4096',
    ]) {
      expect(lines).toContain(line)
    }
    expect(body).not.toContain('operation="commit"')
    await store.close()
  })

  it('scrapes them as OpenMetrics, keeps counts over a reset, and shows no cache where there is none', async () => {
    const { store, meter } = measuredMemory()
    await store.load(newKey())
    const register = new Registry<OpenMetricsContentType>()
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    exportMetrics({ metrics: meter }, register, { prefix: 'shop_' })
    register.resetMetrics()
    const text = await register.metrics()
    expect(text).toContain('# TYPE shop_operations counter\n')
    expect(text).toContain('\nshop_operations_total{operation="load",outcome="dead"} 1\n')
    expect(text).not.toContain('cache')
    expect(await register.getMetricsAsJSON()).toHaveLength(5)
    await store.close()
  })
})

function memory(): SessionStore {
  return memoryStore({ namespace: 'test' })
}

function measuredMemory() {
  const meter = makeMeter()
  return { meter, store: measured(memory(), meter) }
}
