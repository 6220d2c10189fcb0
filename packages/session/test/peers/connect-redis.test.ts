import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expressSessionStore } from '../../src/express-session-store.ts'
import { hashOfId } from '../../src/id.ts'
import { hasRedis, startRedis, type TestRedis } from '../redis-server.ts'
import { session } from './express-session-module.ts'

// The life cycle that connect-redis' own tests go through, on a real Redis.

describe.skipIf(!hasRedis)('what connect-redis does, by our store', () => {
  let redis: TestRedis
  let client: ReturnType<typeof createClient>
  const open = (namespace: string, more: object = {}) =>
    expressSessionStore(session, { store: redis.url, namespace, timeouts, ...more })
  const timeouts = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
  let store: ReturnType<typeof open>
  const secondsLeft = (sid: string) => client.ttl(`life:s:${hashOfId(sid)}`)

  beforeAll(async () => {
    redis = await startRedis()
    client = createClient({ url: redis.url })
    await client.connect()
    store = open('life')
  })
  afterAll(async () => {
    await store?.close()
    client?.destroy()
    await redis?.stop()
  })

  it('set and get: gives back what it was given; a session without a maxAge lives for the interval of the store', async () => {
    await store.clear()
    const given = { foo: 'bar', cookie: { originalMaxAge: null } }
    await store.set('123', given)
    expect(await store.get('123')).toEqual(given)
    expect(await secondsLeft('123')).toBeGreaterThan(1_795)
    expect(await store.get('124')).toBeNull()
  })

  it('set again, by somebody who has not loaded it: replaces the whole', async () => {
    await store.set('twice', { a: 1, b: 1, cookie: { originalMaxAge: null } })
    await store.set('twice', { a: 2, c: 1, cookie: { originalMaxAge: null } })
    expect(await store.get('twice')).toEqual({ a: 2, c: 1, cookie: { originalMaxAge: null } })
    await store.destroy('twice')
  })

  it('expires: a session lives until then, and touch moves it', async () => {
    const cookieFor = (seconds: number) => ({ originalMaxAge: null, expires: new Date(Date.now() + seconds * 1000) })
    await store.set('456', { cookie: cookieFor(60) })
    const left = await secondsLeft('456')
    expect(left).toBeLessThanOrEqual(60)
    expect(left).toBeGreaterThan(50)
    const later = cookieFor(90)
    await store.touch('456', { cookie: later })
    expect(await secondsLeft('456')).toBeGreaterThan(60)
    expect((await store.get('456'))?.cookie).toEqual(later)
  })

  it('length, ids and all: see every session, under the hash of its id', async () => {
    expect(await store.length()).toBe(2)
    expect(new Set(await store.ids())).toEqual(new Set([`#${hashOfId('123')}`, `#${hashOfId('456')}`]))
    const all = await store.all()
    expect(all).toHaveLength(2)
    expect(all.find(({ foo }) => foo === 'bar')).toEqual({
      id: `#${hashOfId('123')}`,
      foo: 'bar',
      cookie: { originalMaxAge: null },
    })
  })

  it('destroy: ends one; what is set under its id afterwards is refused', async () => {
    await store.destroy('456')
    expect([await store.length(), await store.get('456')]).toEqual([1, null])
    await expect(store.set('456', { cookie: {} })).rejects.toMatchObject({ code: 'session-gone' })
    await store.destroy('456')
    await store.destroy('never')
  })

  it('clear: ends all, however many pages of a scan they fill', async () => {
    const sids = Array.from({ length: 1_000 }, (_, i) => `s${i}`)
    const cookie = { originalMaxAge: null, expires: new Date(Date.now() + 60_000) }
    await Promise.all(sids.map((sid) => store.set(sid, { cookie })))
    expect([await store.length(), new Set(await store.ids()).size]).toEqual([1_001, 1_001])
    await store.clear()
    expect([await store.length(), await store.all()]).toEqual([0, []])
  })

  it('a cookie that has expired: ends the session', async () => {
    const cookieFor = (seconds: number) => ({ originalMaxAge: null, expires: new Date(Date.now() + seconds * 1000) })
    await store.set('789', { cookie: cookieFor(60) })
    expect(await store.length()).toBe(1)
    await store.set('789', { cookie: cookieFor(-60) })
    expect(await store.length()).toBe(0)
    await store.set('790', { cookie: cookieFor(-60) })
    expect(await store.get('790')).toBeNull()
  })

  it('ttl: is the interval of the store, and cookies of the session count for more', async () => {
    const hourly = open('life', { maxInactiveInterval: '1h' })
    await hourly.set('hour', { cookie: { originalMaxAge: null } })
    expect(await secondsLeft('hour')).toBeGreaterThan(3_590)
    await hourly.set('short', { cookie: { originalMaxAge: 5_000 } })
    expect(await secondsLeft('short')).toBeLessThanOrEqual(5)
    await hourly.close()
  })

  it('touch: costs Redis nothing while less than 5 % of the time has passed, and nothing is left to disable', async () => {
    await store.set('touched', { a: 1, cookie: { originalMaxAge: null } })
    const loaded = (await store.get('touched'))!
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1])
    const before = await commands()
    for (let i = 0; i < 10; i += 1) await store.touch('touched', loaded)
    // The question itself.
    expect((await commands()) - before).toBe(1)
    await client.expire(`life:s:${hashOfId('touched')}`, 1_000)
    await store.touch('touched', (await store.get('touched'))!)
    expect(await secondsLeft('touched')).toBeGreaterThan(1_700)
  })

  it('prefix: a namespace keeps apps apart', async () => {
    const other = open('other')
    await other.set('123', { of: 'other', cookie: {} })
    await store.set('of-life', { of: 'life', cookie: {} })
    expect(await store.get('123')).toBeNull()
    await other.clear()
    expect(await store.get('of-life')).toMatchObject({ of: 'life' })
    expect(await client.exists(`other:s:${hashOfId('123')}`)).toBe(1)
    await other.close()
  })

  it('callbacks: are called once, with the error first', async () => {
    const calls: unknown[][] = []
    await new Promise<void>((resolve) => {
      store.set('back', { a: 1, cookie: {} }, (...args) => {
        calls.push(args)
        store.get('back', (...more) => {
          calls.push(more)
          resolve()
        })
      })
    })
    expect(calls).toMatchObject([
      [null, undefined],
      [null, { a: 1 }],
    ])
  })

  it('an error of Redis: reaches the callback, for each method', async () => {
    const away = expressSessionStore(session, { store: 'redis://127.0.0.1:1', timeouts: { loadMs: 50, commitMs: 50 } })
    const errors: unknown[] = []
    const note = (error: unknown) => void errors.push(error)
    await Promise.allSettled([
      away.get('x', note),
      away.set('x', { cookie: {} }, note),
      away.touch('x', { cookie: {} }, note),
      away.destroy('x', note),
      away.length(note),
      away.all(note),
      away.ids(note),
      away.clear(note),
    ])
    await expect.poll(() => errors.length).toBe(8)
    expect(errors).toMatchObject(Array(8).fill({ code: 'session-unavailable', status: 503 }))
    await away.close()
  })
})
