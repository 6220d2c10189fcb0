import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { adapters, serve, type TestApp } from '../app.ts'
import type { Fate, RespProxy } from '../resp-proxy.ts'
import { patient } from './stacks.ts'
import { visitor } from './visitor.ts'

export interface NearCacheRig {
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
    async (_, fate) => {
      const { tomcatProxy, nodeProxy } = rig()
      for (const proxy of [tomcatProxy, nodeProxy]) proxy.onInvalidation(fate)
      const stale: string[] = []
      const one = async () => {
        const browser = visitor()
        for (let written = 0; written < writes; written += 1) {
          const [here, there] = Math.random() < 0.5 ? stacks : ([stacks[1], stacks[0]] as const)
          await browser.read(`${here}/set?name=a&value=${written}`)
          for (const origin of [there, here, there]) {
            const { attributes } = JSON.parse(await browser.read(`${origin}/me`)) as { attributes: { a: string } }
            if (attributes.a !== String(written)) stale.push(origin)
          }
        }
      }
      await Promise.all(Array.from({ length: browsers }, one))
      for (const proxy of [tomcatProxy, nodeProxy]) proxy.onInvalidation(undefined)
      expect(stale).toEqual([])
    },
    60_000,
  )

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
