import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DelayingProxy, startDelayingProxy } from '../delaying-proxy.ts'
import { asker } from '../experiments-client.ts'
import { lostLogins, lostRedirects, lostUpdates, resurrections, tell } from '../experiments-faults.ts'
import { startNode, startNodes, type TestNode } from '../nodes.ts'
import { startRedis, type TestRedis } from '../redis-server.ts'
import { type RespProxy, startRespProxy } from '../resp-proxy.ts'
import { describeNearCache } from './describe-near-cache.ts'
import { describeOutage } from './describe-outage.ts'
import { hasTomcat } from './tomcat-home.ts'
import { startTomcat, type TestTomcat } from './tomcat-server.ts'

// The experiments of ../experiments.test.ts with Tomcat among the nodes; that they can find something is shown there.
// BATON_SESSION_RUNS=1000 makes each of them as long as a release is measured by.

const asked = Number(process.env.BATON_SESSION_RUNS ?? 0)
const minutes = 60_000
const namespace = 'nodes'
const defaultBudgets = { connectTimeout: 1_000, loadTimeout: 250, commitTimeout: 500 }
const nearCache = { nearCache: true, nearCacheMaxAge: 60_000 }
const delays = [50, 200] as const

describe.skipIf(!hasTomcat)('two processes of Node.js and two applications of a Tomcat on one Redis', () => {
  const client = asker()
  let redis: TestRedis
  /** To be frozen and killed. */
  let frail: TestRedis
  let proxies: DelayingProxy[] = []
  let listening: RespProxy[] = []
  let tomcat: TestTomcat
  let programs: TestNode[] = []
  /** In turn: a Tomcat follows a Tomcat, itself included, a Node.js follows a Node.js, and each the other. */
  let nodes: { origin: string }[] = []
  beforeAll(async () => {
    redis = await startRedis()
    frail = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    proxies = await Promise.all(delays.map((delayMs) => startDelayingProxy({ port: redis.port, delayMs })))
    const late = proxies.map(({ port }, i) => ({
      path: `/late-${delays[i]}` as const,
      store: `redis://127.0.0.1:${port}/0`,
      namespace,
    }))
    listening = [await startRespProxy(redis.port), await startRespProxy(redis.port)]
    const near = { path: '/near', store: listening[0]!.url, namespace, manager: nearCache } as const
    const here = [
      { store: redis.url, namespace },
      { path: '/second' as const, store: redis.url, namespace },
    ]
    const strict = { path: '/strict', store: frail.url, namespace, manager: defaultBudgets } as const
    const [started, running] = await Promise.all([
      startTomcat([...here, ...late, strict, near]),
      startNodes(2, redis.url),
    ])
    tomcat = started
    programs = running
    const second = { origin: `${tomcat.origin}/second` }
    nodes = [programs[0]!, tomcat, tomcat, second, programs[1]!]
  }, 2 * minutes)
  afterAll(async () => {
    client.close()
    for (const program of programs) await program.kill()
    await tomcat?.kill()
    for (const proxy of [...proxies, ...listening]) await proxy.close()
    await redis?.stop()
    await frail?.stop()
  })

  it(
    'lose no update: 50 parallel requests each write an attribute of their own, and Node.js counts by update',
    async () => {
      const runs = asked || 10
      const lost = await lostUpdates(client, nodes, runs)
      tell('with Tomcat, lost updates', { runs, ...lost })
      expect(lost).toEqual({ attributes: 0, counts: 0 })
    },
    10 * minutes,
  )

  it(
    'revive nothing when one of them writes late and another has logged out',
    async () => {
      const trials = asked || 100
      const revived = await resurrections(client, nodes, trials)
      tell('with Tomcat, resurrections', { trials, revived })
      expect(revived).toBe(0)
    },
    10 * minutes,
  )

  it(
    'leave the browser logged in, whichever of three answers to the old id it takes in last',
    async () => {
      const trials = asked || 100
      const loggedOut = await lostLogins(client, nodes, trials)
      tell('with Tomcat, lost logins', { trials, loggedOut })
      expect(loggedOut).toBe(0)
    },
    10 * minutes,
  )

  it.each(delays.map((delayMs, i) => [delayMs, i] as const))(
    'know a login when its redirect is followed at once on another, and the store takes %i ms',
    async (delayMs, i) => {
      const trials = asked || 40
      const lateNode = await startNode(`redis://127.0.0.1:${proxies[i]!.port}/0`)
      try {
        const lateTomcat = `${tomcat.origin}/late-${delayMs}`
        const toNode = await lostRedirects(client, { late: lateTomcat, prompt: programs[0]!.origin }, trials)
        const toTomcat = await lostRedirects(client, { late: lateNode.origin, prompt: tomcat.origin }, trials)
        const between = await lostRedirects(client, { late: lateTomcat, prompt: tomcat.origin }, trials)
        tell(`with Tomcat, login redirect, ${delayMs} ms`, { trials, toNode, toTomcat, betweenTomcats: between })
        expect([toNode, toTomcat, between]).toEqual([0, 0, 0])
      } finally {
        await lateNode.kill()
      }
    },
    10 * minutes,
  )

  describe('with a near cache on both stacks,', () => {
    describeNearCache(() => ({
      redis,
      namespace,
      tomcat: `${tomcat.origin}/near`,
      tomcatProxy: listening[0]!,
      nodeProxy: listening[1]!,
    }))
  })

  describe('when Redis is away,', () => {
    describeOutage(() => ({ redis: frail, namespace, tomcat: `${tomcat.origin}/strict` }))
  })
})
