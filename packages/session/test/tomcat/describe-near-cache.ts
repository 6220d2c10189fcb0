import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { adapters, serve, type TestApp } from '../app.ts'
import { tell } from '../experiments-faults.ts'
import { startRedis, type TestRedis } from '../redis-server.ts'
import type { Fate, RespProxy } from '../resp-proxy.ts'
import { patient } from './stacks.ts'
import { type Visitor, visitor } from './visitor.ts'

export interface NearCacheRig {
  /** What is behind both proxies. */
  readonly redis: TestRedis
  readonly namespace: string
  /** Origin of an application of Tomcat with a near cache. */
  readonly tomcat: string
  /** What the application of Tomcat has before Redis. */
  readonly tomcatProxy: RespProxy
  /** For Node.js. */
  readonly nodeProxy: RespProxy
}

/** Writes by each of so many browsers, each followed by reads on both. */
const writes = Number(process.env.BATON_NEAR_CACHE_TRIALS ?? 100) / 10
const browsers = 10

const fates: readonly [name: string, fate: () => Fate][] = [
  ['pass', () => [0]],
  ['are dropped', () => []],
  ['are delayed by up to 2 s', () => [Math.random() * 2_000]],
  ['come twice, and overtake each other', () => [Math.random() * 20, Math.random() * 50]],
  ['find the connection lost', () => (Math.random() < 0.05 ? 'disconnect' : [0])],
]

/** With a near cache on both stacks. */
export function describeNearCache(rig: () => NearCacheRig): void {
  let sessions: Sessions
  let app: TestApp
  let stacks: readonly [string, string]
  beforeAll(async () => {
    const { namespace, nodeProxy, tomcat } = rig()
    // As old as may be: whatever is served in time was known to be right, and not only young.
    const nearCache = { maxAgeMs: 60_000 }
    sessions = createSessions({ store: nodeProxy.url, namespace, nearCache, timeouts: patient, onError: () => {} })
    app = await serve(
      adapters.express(sessions, {
        '/me': (session, res) => res.end(JSON.stringify({ user: null, attributes: session.toJSON() })),
        '/set': (session, res, req) => {
          const { searchParams } = new URL(req.url ?? '', 'http://x')
          session.set(searchParams.get('name') ?? '', searchParams.get('value') ?? 'set')
          res.end('set')
        },
      }),
    )
    while (sessions.health().state !== 'up') await sleep(10)
    stacks = [app.origin, tomcat]
  })
  afterAll(async () => {
    await app?.close()
    await sessions?.close()
  })

  it('each answers a second read without asking Redis', async () => {
    const browser = visitor()
    const { tomcatProxy, nodeProxy } = rig()
    await browser.read(`${stacks[0]}/set?name=a`)
    for (const [origin, proxy] of [
      [stacks[0], nodeProxy],
      [stacks[1], tomcatProxy],
    ] as const) {
      await browser.read(`${origin}/me`)
      proxy.reset()
      for (let i = 0; i < 5; i += 1) await browser.read(`${origin}/me`)
      expect(proxy.roundTrips()).toBe(0)
    }
  })

  it.each(fates)(
    'a browser reads on both what it has written on either, while invalidations %s',
    async (what, fate) => {
      const { tomcatProxy, nodeProxy } = rig()
      for (const proxy of [tomcatProxy, nodeProxy]) proxy.onInvalidation(fate)
      const stale: string[] = []
      const one = async () => {
        const browser = visitor()
        for (let written = 0; written < writes; written += 1) {
          const [here, there] = Math.random() < 0.5 ? stacks : ([stacks[1], stacks[0]] as const)
          await readAgain(browser, `${here}/set?name=a&value=${written}`)
          for (const origin of [there, here, there]) {
            if ((await valueAt(origin, browser)) !== String(written)) stale.push(origin)
          }
        }
      }
      await Promise.all(Array.from({ length: browsers }, one))
      for (const proxy of [tomcatProxy, nodeProxy]) proxy.onInvalidation(undefined)
      tell(`with Tomcat, invalidations ${what}`, { writes: writes * browsers, stale: stale.length })
      expect(stale).toEqual([])
    },
    5 * 60_000,
  )

  it('a browser reads on both what it has written on either, while Redis fails over to its replica', async () => {
    const { redis, tomcatProxy, nodeProxy } = rig()
    const replica = await startRedis()
    const clients = [redis, replica].map(({ url }) => createClient({ url }))
    const [master, successor] = await Promise.all(clients.map((client) => client.connect()))
    const goTo = (port: number) => {
      for (const proxy of [tomcatProxy, nodeProxy]) {
        proxy.retarget(port)
        proxy.disconnect()
      }
    }
    // It waits for what was written before on the same connection.
    const isReplicated = async () => {
      await master!.incr('mark')
      return (await master!.wait(1, 1_000)) === 1
    }
    try {
      await master!.configSet('repl-diskless-sync-delay', '0')
      await successor!.sendCommand(['REPLICAOF', '127.0.0.1', String(redis.port)])
      await expect.poll(isReplicated, { timeout: 10_000 }).toBe(true)
      const all = Array.from({ length: browsers }, () => visitor())
      const writeAll = (value: string) =>
        Promise.all(all.map((browser, i) => readAgain(browser, `${stacks[i % 2]}/set?name=a&value=${value}`)))
      const readAll = () =>
        Promise.all(all.flatMap((browser) => [...stacks, ...stacks].map((origin) => valueAt(origin, browser))))
      const allSaw = (value: string) => Array<string>(4 * browsers).fill(value)
      await writeAll('before')
      expect(await readAll()).toEqual(allSaw('before'))
      // What Redis has not told its replica is lost, by Redis.
      await expect.poll(isReplicated, { timeout: 10_000 }).toBe(true)
      await successor!.sendCommand(['REPLICAOF', 'NO', 'ONE'])
      goTo(replica.port)
      expect(await readAll()).toEqual(allSaw('before'))
      await writeAll('after')
      expect(await readAll()).toEqual(allSaw('after'))
    } finally {
      goTo(redis.port)
      for (const client of clients) client.destroy()
      await replica.stop()
    }
  })

  it('another browser of the same session sees a write of either stack on the other soon', async () => {
    const writer = visitor()
    await writer.read(`${stacks[0]}/set?name=a&value=0`)
    // Without the stamps.
    const reader = visitor(writer.id)
    for (const [i, [here, there]] of [stacks, [stacks[1], stacks[0]] as const].entries()) {
      await reader.read(`${there}/me`)
      await writer.read(`${here}/set?name=a&value=${i + 1}`)
      await expect.poll(() => reader.read(`${there}/me`)).toContain(`"a":"${i + 1}"`)
    }
  })

  it('a logout on one is one on the other, whatever it had kept', async () => {
    for (const [here, there] of [stacks, [stacks[1], stacks[0]] as const]) {
      const browser = visitor()
      await browser.read(`${here}/set?name=a`)
      const other = visitor(browser.id)
      await other.read(`${there}/me`)
      await browser.read(`${rig().tomcat}/logout`)
      await expect.poll(() => other.read(`${there}/me`)).toBe('{"user":null,"attributes":{}}')
    }
  })
}

/** The attribute a. */
async function valueAt(origin: string, browser: Visitor): Promise<string> {
  const { attributes } = JSON.parse(await readAgain(browser, `${origin}/me`)) as { attributes: { a: string } }
  return attributes.a
}

/** Until it is no 503, after which a browser has been promised nothing. */
async function readAgain(browser: Visitor, url: string): Promise<string> {
  const until = performance.now() + 20_000
  for (;;) {
    const { status, body } = await browser.get(url)
    if (status === 200) return body
    if (status !== 503 || performance.now() > until)
      throw new Error(`${url} answers ${status}: ${body.slice(0, 2_000)}`)
    await sleep(10)
  }
}
