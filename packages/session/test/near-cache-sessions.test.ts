import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RequestSession } from '../src/request-session.ts'
import type { Session } from '../src/session.ts'
import { createSessions, type Sessions, type SessionsOptions } from '../src/sessions.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'
import { type RespProxy, startRespProxy } from './resp-proxy.ts'

const patient = { connectMs: 5_000, loadMs: 5_000, commitMs: 5_000 }
const maxAgeMs = 60_000

/** What a browser keeps, by name. */
type Jar = Map<string, string>

describe.skipIf(!hasRedis)('sessions with the near cache', () => {
  let redis: TestRedis
  let proxies: RespProxy[]
  let nodes: [Sessions, Sessions]
  beforeAll(async () => {
    redis = await startRedis()
    proxies = [await startRespProxy(redis.port), await startRespProxy(redis.port)]
    nodes = proxies.map(({ url }) =>
      createSessions({ store: url, timeouts: patient, nearCache: { maxAgeMs }, onError: () => {} }),
    ) as [Sessions, Sessions]
    while (nodes.some((node) => node.health().state !== 'up')) await sleep(10)
  })
  afterAll(async () => {
    for (const sessions of nodes ?? []) await sessions.close()
    for (const proxy of proxies ?? []) await proxy.close()
    await redis?.stop()
  })

  it('asks Redis nothing to read a session again, also after a write of its own', async () => {
    const jar: Jar = new Map()
    const proxy = proxies[0]!
    await visit(nodes[0], jar, (session) => {
      session.n = 1
    })
    const costs: number[] = []
    for (const write of [false, false, false, true, false, false]) {
      proxy.reset()
      await visit(nodes[0], jar, (session) => {
        if (write) session.n = 2
        else void session.n
      })
      costs.push(proxy.roundTrips())
    }
    expect(costs).toEqual([1, 0, 0, 1, 0, 0])
    expect(nodes[0].metrics.snapshot().cache).toMatchObject({ hits: 5, stale: 0, entries: 1 })
  })

  it('parses a cached attribute once, and keeps what one request changes in place from all others until it is written', async () => {
    const jar: Jar = new Map()
    await visit(nodes[0], jar, (session) => {
      session.cart = { lines: ['tea'] }
    })
    const request = { headers: { cookie: `JSESSIONID=${jar.get('JSESSIONID')}` } }
    const cartOf = (opened: RequestSession) => opened.session.cart as { lines: string[] }
    const [kept, forgotten, reader] = [
      await nodes[0].open(request),
      await nodes[0].open(request),
      await nodes[0].open(request),
    ]
    cartOf(forgotten).lines.push('never')
    cartOf(kept).lines.push('jam')
    expect(cartOf(reader)).toEqual({ lines: ['tea'] })
    expect(reader.commit()).toBeUndefined()
    await kept.commit()
    expect(cartOf(await nodes[0].open(request))).toEqual({ lines: ['tea', 'jam'] })
    cartOf(kept).lines.push('salt')
    await kept.commit()
    expect(cartOf(await nodes[0].open(request))).toEqual({ lines: ['tea', 'jam', 'salt'] })
  })

  it('shows a browser all that it has written, whichever node answers, though no invalidation arrives', async () => {
    for (const proxy of proxies) proxy.onInvalidation(() => [])
    let wrong = 0
    let older = 0
    const client = async () => {
      const jar: Jar = new Map()
      let written = 0
      for (let i = 0; i < 50; i += 1) {
        const [here, there] = Math.random() < 0.5 ? nodes : [nodes[1], nodes[0]]
        written += 1
        await visit(here, jar, (session) => {
          session.n = written
        })
        // Somebody who was not there when it was written has no stamps.
        const bystander: Jar = new Map([['JSESSIONID', jar.get('JSESSIONID')!]])
        for (const node of [there, here]) {
          if ((await visit(node, bystander, (session) => session.n)) !== written) older += 1
          if ((await visit(node, jar, (session) => session.n)) !== written) wrong += 1
        }
        if (i % 10 === 9) await visit(here, jar, (session) => session.login('ann'))
      }
    }
    await Promise.all(Array.from({ length: 20 }, client))
    for (const proxy of proxies) proxy.onInvalidation(undefined)
    expect(wrong).toBe(0)
    expect(older).toBeGreaterThan(0)
  })

  it('consumes what somebody else has put there since the session was cached', async () => {
    for (const proxy of proxies) proxy.onInvalidation(() => [])
    const jar: Jar = new Map()
    await visit(nodes[0], jar, (session) => session.login('ann'))
    const bystander: Jar = new Map([['JSESSIONID', jar.get('JSESSIONID')!]])
    for (const node of nodes) await visit(node, bystander, (session) => session.token)
    await visit(nodes[0], new Map(bystander), (session) => session.set('token', 'once'))
    const taken = [1, 2, 3].map(() => visit(nodes[1], new Map(bystander), (session) => session.consume('token')))
    expect((await Promise.all(taken)).sort()).toEqual(['once', undefined, undefined])
    for (const proxy of proxies) proxy.onInvalidation(undefined)
  })

  it('forgets who was logged out everywhere, on the node that did it and on the other', async () => {
    const jar: Jar = new Map()
    await visit(nodes[0], jar, (session) => session.login('eve'))
    for (const node of nodes) expect(await visit(node, jar, (session) => session.principal?.name)).toBe('eve')
    expect(await nodes[0].destroyAllOf('eve')).toBe(1)
    for (const node of nodes) {
      const who = () => visit(node, jar, (session) => session.principal?.name)
      await expect.poll(who, { timeout: 5_000, interval: 5 }).toBeUndefined()
    }
  })

  it('is refused where there is no Redis, and with bounds that are none', () => {
    const wrong: SessionsOptions[] = [
      { store: 'lmdb:./nowhere', nearCache: true },
      { store: redis.url, nearCache: { maxAgeMs: 0 } },
      { store: redis.url, nearCache: { maxEntries: 1.5 } },
    ]
    for (const options of wrong) expect(() => createSessions(options)).toThrow(/nearCache/)
  })
})

/** One request of the browser that has this jar. */
async function visit<T>(sessions: Sessions, jar: Jar, handle: (session: Session) => T | Promise<T>): Promise<T> {
  const request = { headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } }
  const opened = await sessions.open(request)
  const result = await handle(opened.session)
  await opened.commit()
  for (const line of sessions.cookiesFor(request, opened)) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
  return result
}
