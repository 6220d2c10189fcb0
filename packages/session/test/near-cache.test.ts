import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { etagOf } from '../src/format/value.ts'
import { redisStore } from '../src/stores/redis.ts'
import {
  adminOf,
  type CachingNode,
  gone,
  long,
  type NodeOptions,
  newSession,
  orAgain,
  patient,
  set,
  startCachingNode,
  stateOf,
  valueIn,
} from './near-cache-node.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { newKey, record, sealed } from './stored-sessions.ts'

describe.skipIf(!hasRedis)('near cache', () => {
  let redis: TestRedis
  let admin: ReturnType<typeof adminOf>
  const opened: CachingNode[] = []
  beforeAll(async () => {
    redis = await startRedis()
    admin = adminOf(redis)
    await admin.connect()
  })
  afterAll(async () => {
    admin?.destroy()
    await redis?.stop()
  })
  afterEach(async () => {
    for (const node of opened.splice(0)) await node.close()
  })

  async function startNode(...options: NodeOptions): Promise<CachingNode> {
    const node = await startCachingNode(redis.port, ...options)
    opened.push(node)
    return node
  }

  async function stateInRedis(key: string): Promise<Record<string, string>> {
    const fields = await admin.hGetAll(`near:s:${key}`)
    return stateOf({ fields: new Map(Object.entries(fields)), ttlMs: 0 })
  }

  describe('two nodes', () => {
    let here: CachingNode
    let there: CachingNode
    beforeEach(async () => {
      here = await startNode()
      there = await startNode()
    })

    it('costs no round trip to read what was read or committed here, and one more for each write', async () => {
      const key = await newSession(here)
      // Redis knows the script from here on.
      await here.store.update('unknown', { field: '.a', etag: '', value: undefined }, 60_000)
      const cost = async (work: () => Promise<unknown>) => {
        here.proxy.reset()
        await work()
        return here.proxy.roundTrips()
      }
      const read = () => here.store.load(key)
      expect(await cost(read)).toBe(1)
      expect([await cost(read), await cost(read)]).toEqual([0, 0])
      expect(await cost(() => here.store.commit(key, set('a', 2), 60_000))).toBe(1)
      expect([await cost(read), valueIn(await read())]).toEqual([0, 2])
      expect(await cost(() => here.store.commit(key, { set: new Map(), remove: ['.a'] }, 60_000))).toBe(1)
      expect([await cost(read), valueIn(await read())]).toEqual([0, undefined])
      const value = sealed(3)
      expect(await cost(() => here.store.update(key, { field: '.a', etag: '', value }, 60_000))).toBe(1)
      expect([await cost(read), valueIn(await read())]).toEqual([0, 3])
      expect((await read())!.fields.get('@v')!.toString()).toBe('4')
      expect(await stateInRedis(key)).toEqual(stateOf(await read()))
    })

    it('what another node writes is pushed, and read here at once', async () => {
      const key = await newSession(here)
      await here.store.load(key)
      await there.store.commit(key, set('a', 2), 60_000)
      await gone(here, key)
      expect(valueIn(await here.store.load(key))).toBe(2)
    })

    it.each([
      ['commit', (key: string) => here.store.commit(key, set('b', 1), 60_000)],
      [
        'update',
        async (key: string) => {
          const etag = etagOf((await here.store.load(key))!.fields.get('.a'))
          await here.store.update(key, { field: '.a', etag, value: sealed(1) }, 60_000)
        },
      ],
      ['touch', (key: string) => here.store.touch(key, 70_000)],
      [
        'commit under a lock',
        async (key: string) => {
          await here.store.lock(key, 'me', 5_000)
          await here.store.load(key)
          await here.store.commit(key, set('b', 1), 60_000, { lock: 'me' })
        },
      ],
    ])(
      'after an own %s (NOLOOP: Redis says nothing of it, and forgets that we read) others are still heard',
      async (_, write) => {
        const key = await newSession(here)
        await here.store.load(key)
        await write(key)
        await here.store.load(key)
        expect(here.store.peek(key)).toBeDefined()
        await there.store.commit(key, set('a', 'theirs'), 60_000)
        await gone(here, key)
        expect(valueIn(await here.store.load(key))).toBe('theirs')
      },
    )

    it('an own commit does not throw away what it has just brought up to date', async () => {
      const key = await newSession(here)
      await here.store.load(key)
      for (let i = 0; i < 50; i += 1) await here.store.commit(key, set('a', i), 60_000)
      await there.store.load('a later push has certainly arrived')
      expect(here.store.stats()).toMatchObject({ invalidated: 0, misses: 2 })
      expect(valueIn(here.store.peek(key))).toBe(49)
    })

    it('a commit is carried over from the version right before only', async () => {
      const key = await newSession(here)
      here.proxy.onInvalidation(() => [])
      await here.store.load(key)
      await there.store.commit(key, set('theirs', 1), 60_000)
      await here.store.commit(key, set('a', 2), 60_000)
      const read = await here.store.load(key)
      expect(stateOf(read)).toEqual(await stateInRedis(key))
      expect(read!.fields.has('.theirs')).toBe(true)
    })

    it('a touch anywhere ends the entry, so that its end is known again', async () => {
      const key = await newSession(here)
      await here.store.load(key)
      await there.store.touch(key, 120_000)
      await gone(here, key)
      expect((await here.store.load(key))!.ttlMs).toBeGreaterThan(110_000)
      await here.store.touch(key, 240_000)
      expect((await here.store.load(key))!.ttlMs).toBeGreaterThan(230_000)
    })

    it('what was overtaken by a write on its way here is used, and not kept', async () => {
      const key = await newSession(here)
      here.proxy.hold()
      const loading = here.store.load(key)
      await expect.poll(() => here.proxy.held(), { interval: 1 }).toBeGreaterThanOrEqual(2)
      await there.store.commit(key, set('a', 2), 60_000)
      await expect.poll(() => here.proxy.invalidations(), { interval: 1 }).toBe(1)
      // Answer and invalidation in one piece, as a busy process reads them.
      here.proxy.release()
      expect(valueIn(await loading)).toBe(1)
      expect(here.store.peek(key)).toBeUndefined()
      expect(valueIn(await here.store.load(key))).toBe(2)
    })

    it.each([
      ['commit', (key: string, node: CachingNode) => node.store.commit(key, set('a', 2), 60_000)],
      ['touch', (key: string, node: CachingNode) => node.store.touch(key, 70_000)],
    ])('a load that an own %s overtakes is not kept either', async (_, write) => {
      let open = () => {}
      const gate = new Promise<void>((resolve) => {
        open = resolve
      })
      // The answer is there, and on its way up through other layers.
      const node = await startNode(long, {}, (inner) => ({
        ...inner,
        async load(key, want) {
          const stored = await inner.load(key, want)
          if (stored !== undefined) await gate
          return stored
        },
      }))
      const key = await newSession(node)
      const loading = node.store.load(key)
      await write(key, node)
      open()
      expect(valueIn(await loading)).toBe(1)
      expect(node.store.peek(key)).toBeUndefined()
    })

    it('destroy, rotate, and log out everywhere end the entry here as well as there', async () => {
      const [destroyed, from, to, killed] = [await newSession(here), await newSession(here), newKey(), newKey()]
      await here.store.create(killed, record({ a: sealed(1) }), 60_000, 'owner')
      for (const node of [here, there]) for (const key of [destroyed, from, killed]) await node.store.load(key)
      await here.store.destroy(destroyed)
      expect(here.store.peek(destroyed)).toBeUndefined()
      // Too late, and it leaves a version beside the tombstone.
      expect(await here.store.commit(destroyed, set('a', 2), 60_000)).toBeUndefined()
      const rotation = { from, to, set: new Map(), remove: [], tombstone: `r:${to}`, keepAttributes: true }
      await here.store.rotate(rotation, 60_000)
      expect(here.store.peek(from)).toBeUndefined()
      await here.store.destroyAllOf('owner')
      expect(here.store.peek(killed)).toBeUndefined()
      for (const key of [destroyed, from, killed]) {
        await gone(there, key)
        for (const node of [here, there]) expect(stateOf(await node.store.load(key))).toHaveProperty('@x')
        // Nor is a tombstone kept.
        for (const node of [here, there]) expect(node.store.peek(key)).toBeUndefined()
      }
      expect(valueIn(await there.store.load(to))).toBe(1)
    })

    it('fresh asks the store', async () => {
      const key = await newSession(here)
      await here.store.load(key)
      here.proxy.onInvalidation(() => [])
      await there.store.commit(key, set('a', 2), 60_000)
      expect(valueIn(await here.store.load(key))).toBe(1)
      expect(valueIn(await here.store.load(key, { fresh: true }))).toBe(2)
    })

    it('FLUSHALL ends all entries', async () => {
      const keys = [await newSession(here), await newSession(here)]
      for (const key of keys) await here.store.load(key)
      await admin.flushAll()
      for (const key of keys) await gone(here, key)
      expect(await here.store.load(keys[0]!)).toBeUndefined()
    })

    it('a lost connection ends all entries, and the next one is tracked as well', async () => {
      const key = await newSession(here)
      await here.store.load(key)
      here.proxy.disconnect()
      await gone(here, key)
      await there.store.commit(key, set('a', 2), 60_000)
      await orAgain(() => here.store.load('the next one stands'))
      expect(here.store.peek(key)).toBeUndefined()
      expect(valueIn(await here.store.load(key))).toBe(2)
      expect(here.store.peek(key)).toBeDefined()
      await there.store.commit(key, set('a', 3), 60_000)
      await gone(here, key)
      expect(valueIn(await here.store.load(key))).toBe(3)
    })

    it('nothing is carried over to a server that took over: it may give versions anew that the other has lost', async () => {
      const heir = await startRedis()
      const node = await startNode()
      const key = await newSession(node)
      await node.store.commit(key, set('lost', 1), 60_000)
      await node.store.load(key)
      node.proxy.retarget(heir.port)
      const later = await startCachingNode(heir.port)
      await later.store.create(key, record({ a: sealed(1) }), 60_000)
      await later.store.commit(key, set('a', 2), 60_000)
      node.proxy.disconnect()
      await gone(node, key)
      await orAgain(() => node.store.commit(key, set('b', 3), 60_000))
      expect(stateOf(await node.store.load(key))).toEqual(stateOf(await later.store.load(key)))
      expect(await valuesOf(node, key)).toEqual([undefined, 2, 3])
      await later.close()
      await heir.stop()
    })

    it('another client may see what is older, at most by the maximum age, if every invalidation is lost', async () => {
      const node = await startNode({ ...long, maxAgeMs: 150 })
      const key = await newSession(node)
      node.proxy.onInvalidation(() => [])
      await node.store.load(key)
      const readAt = performance.now()
      const version = (await there.store.commit(key, set('a', 2), 60_000))!
      expect(valueIn(await node.store.load(key, { atLeast: version }))).toBe(2)
      await there.store.commit(key, set('a', 3), 60_000)
      let value = valueIn(await node.store.load(key))
      expect(value).toBe(2)
      while (value === 2) {
        await sleep(5)
        value = valueIn(await node.store.load(key))
      }
      expect(value).toBe(3)
      expect(performance.now() - readAt).toBeGreaterThan(140)
    })

    it('serves nothing once the connection has been silent for too long, though it still stands', async () => {
      const node = await startNode({ ...long, maxSilenceMs: 200 }, { loadMs: 100 })
      const key = await newSession(node)
      await orAgain(() => node.store.load(key))
      await sleep(300)
      // An idle connection is not a silent one: its PINGs are answered.
      expect(node.store.peek(key)).toBeDefined()
      node.proxy.silence()
      await there.store.commit(key, set('a', 2), 60_000)
      const silentAt = performance.now()
      while (node.store.peek(key) !== undefined) await sleep(5)
      expect(performance.now() - silentAt).toBeLessThan(2_000)
      await expect
        .poll(async () => valueIn(await node.store.load(key).catch(() => undefined)), { timeout: 5_000, interval: 10 })
        .toBe(2)
    })

    it('serves no session beyond its end', async () => {
      const key = newKey()
      await here.store.create(key, record({ a: sealed(1) }), 150)
      await here.store.load(key)
      expect(here.store.peek(key)!.ttlMs).toBeLessThanOrEqual(150)
      await sleep(160)
      expect(here.store.peek(key)).toBeUndefined()
      expect(await here.store.load(key)).toBeUndefined()
    })

    it('has bounds: what was used longest ago goes first, and what is over them by itself is not kept', async () => {
      const few = await startNode({ ...long, maxEntries: 2 })
      const [a, b, c] = [await newSession(few), await newSession(few), await newSession(few)]
      for (const key of [a, b, a, c]) await few.store.load(key)
      expect([a, b, c].map((key) => few.store.peek(key) !== undefined)).toEqual([true, false, true])
      expect(few.store.stats()).toMatchObject({ entries: 2, evicted: 1 })

      const small = await startNode({ ...long, maxBytes: 10_000 })
      const [huge, big, next] = [newKey(), newKey(), newKey()]
      await small.store.create(huge, record({ a: sealed('x'.repeat(10_000)) }), 60_000)
      for (const key of [big, next]) await small.store.create(key, record({ a: sealed('x'.repeat(5_000)) }), 60_000)
      for (const key of [huge, big, next]) await small.store.load(key)
      expect([huge, big, next].map((key) => small.store.peek(key) !== undefined)).toEqual([false, false, true])
      expect(small.store.stats().bytes).toBeLessThan(10_000)

      const { notes } = small.store.peek(next)!
      const before = small.store.stats().bytes
      notes!.keepJson('large', {}, 5_000)
      expect([notes!.json('large'), small.store.stats().bytes]).toEqual([undefined, before])
      notes!.keepJson('small', {}, 100)
      expect([notes!.json('small'), small.store.stats().bytes > before + 100]).toEqual([{}, true])
      await small.store.load(big)
      expect(small.store.peek(next)).toBeUndefined()
      expect(small.store.stats().bytes).toBeLessThan(before + 100)
    })
  })

  async function valuesOf({ store }: CachingNode, key: string): Promise<unknown[]> {
    const stored = await store.load(key)
    return ['lost', 'a', 'b'].map((name) => valueIn(stored, name))
  }

  it('has Redis track connections only where there is a near cache', async () => {
    const flagsOf = async () => String(await admin.sendCommand(['CLIENT', 'LIST'])).match(/(?<= flags=)\S+/g)
    const plain = redisStore({ url: redis.url, namespace: 'near', timeouts: patient })
    await plain.load('connected')
    expect(await flagsOf()).not.toContain('t')
    await startNode()
    expect(await flagsOf()).toContain('t')
    await plain.close()
  })

  it('keeps of what the socket read no more than the session', async () => {
    const node = await startNode()
    const keys = await Promise.all(Array.from({ length: 50 }, () => newSession(node)))
    node.proxy.hold()
    const loading = Promise.all(keys.map((key) => node.store.load(key)))
    await expect.poll(() => node.proxy.held(), { interval: 1 }).toBeGreaterThanOrEqual(100)
    node.proxy.release()
    const [read] = await loading
    expect(read!.fields.get('.a')!.buffer.byteLength).toBeGreaterThan(2_000)
    for (const bytes of node.store.peek(keys[0]!)!.fields.values()) expect(bytes.buffer.byteLength).toBeLessThan(200)
  })

  it('stale-ok serves what is old only while the store is away, and never what the client knows to be outdated', async () => {
    const node = await startNode({ ...long, maxAgeMs: 20 }, { connectMs: 500, loadMs: 200, commitMs: 500 })
    const key = await orAgain(() => newSession(node))
    const ended = await orAgain(() => newSession(node))
    const version = Number(stateOf(await orAgain(() => node.store.load(key)))['@v'])
    await orAgain(() => node.store.load(ended))
    await sleep(30)
    await admin.hSet(`near:s:${key}`, '.b', 'x')
    await gone(node, key)
    expect((await orAgain(() => node.store.load(key, { staleOk: true })))!.fields.has('.b')).toBe(true)
    await expect.poll(async () => (await orAgain(() => node.store.load(key))) && node.store.peek(key)).toBeDefined()
    await orAgain(() => node.store.destroy(ended))
    await sleep(30)
    redis.freeze()
    try {
      for (const round of ['its connection stands', 'its connection was given up']) {
        await expect(node.store.load(key), round).rejects.toMatchObject({ code: 'session-unavailable' })
        expect(valueIn(await node.store.load(key, { staleOk: true })), round).toBe(1)
        expect(await node.store.load(key, { staleOk: true, atLeast: version }), round).toBeDefined()
        const newer = node.store.load(key, { staleOk: true, atLeast: version + 1 })
        await expect(newer, round).rejects.toMatchObject({ code: 'session-unavailable' })
        const dead = node.store.load(ended, { staleOk: true })
        await expect(dead, round).rejects.toMatchObject({ code: 'session-unavailable' })
        node.proxy.disconnect()
      }
    } finally {
      redis.thaw()
    }
  })
})
