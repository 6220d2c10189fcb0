import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { adapters, serve, type TestApp } from '../app.ts'
import { tell } from '../experiments-faults.ts'
import type { TestRedis } from '../redis-server.ts'
import { watchStalls } from '../stalls.ts'
import { type Answer, type Visitor, visitor } from './visitor.ts'

export interface OutageRig {
  /** Forgets nothing that it has acknowledged. */
  readonly redis: TestRedis
  readonly namespace: string
  /** Origin of an application of Tomcat with the default budgets. */
  readonly tomcat: string
}

const asked = Number(process.env.BATON_SESSION_RUNS ?? 0)
/** How often Redis is killed under writes. */
const kills = Math.ceil(asked / 10) || 3
/** How long it is away, at least. */
const awayMs = asked === 0 ? 0 : 10_000
const minutes = 60_000

/** Load, commit, and what a Tomcat that was idle may add; a stall of the whole machine comes on top. */
const longestMs = 250 + 500 + 1_000

/** Redis goes away and comes back, seen by one visitor of both stacks. */
export function describeOutage(rig: () => OutageRig): void {
  let sessions: Sessions
  let app: TestApp
  let browser: Visitor
  let urls: { read: string; set: string }[]
  beforeAll(async () => {
    const { redis, namespace, tomcat } = rig()
    sessions = createSessions({ store: redis.url, namespace, onError: () => {} })
    app = await serve(
      adapters.express(sessions, {
        '/me': (session, res) =>
          res.end(JSON.stringify({ user: session.principal?.name ?? null, attributes: session.toJSON() })),
        '/set': (session, res, req) => {
          const { searchParams } = new URL(req.url ?? '', 'http://x')
          session.set(searchParams.get('name') ?? '', searchParams.get('value') ?? 'set')
          res.end('set')
        },
      }),
    )
    urls = [app.origin, tomcat].map((origin) => ({ read: `${origin}/me`, set: `${origin}/set` }))
  })
  afterAll(async () => {
    await app?.close()
    await sessions?.close()
  })
  beforeEach(async () => {
    browser = visitor()
    await expect.poll(async () => (await browser.get(`${rig().tomcat}/login`)).status).toBe(303)
    await untilWell()
  })

  it.each([
    ['frozen', 'thawed', (redis: TestRedis) => redis.freeze(), (redis: TestRedis) => redis.thaw()],
    ['killed', 'started again', (redis: TestRedis) => redis.kill(), (redis: TestRedis) => redis.start()],
  ] as const)(
    'while it is %s, both answer 503 in time and replace no cookie; once it is %s, the user is logged in on both',
    async (_, goneOn, stop, goOn) => {
      const { redis } = rig()
      const { id } = browser
      const stalls = watchStalls()
      await stop(redis)
      const stoppedAt = performance.now()
      try {
        for (let i = 0; i < 8 || performance.now() - stoppedAt < awayMs; i += 1) {
          for (const { read, set } of urls) {
            for (const url of [read, `${set}?name=lost`]) {
              const startedAt = performance.now()
              expectRefused(await browser.get(url))
              expect(performance.now() - startedAt).toBeLessThan(longestMs + stalls.longestMs())
            }
          }
        }
        expect(browser.id).toBe(id)
        // Who has no session needs no store.
        expect(await visitor().read(`${rig().tomcat}/none`)).toBe('none')
      } finally {
        await goOn(redis)
        stalls.stop()
      }
      tell(`with Tomcat, back after Redis was ${goneOn}`, await untilWell())
      expect(browser.id).toBe(id)
    },
  )

  it(
    `what either has acknowledged is there after ${kills} kills, and no cookie was replaced`,
    async () => {
      const { redis } = rig()
      const { id } = browser
      /** By its name, the last value of an attribute that was acknowledged; those after it may be there as well. */
      const acknowledged = new Map<string, number>()
      const counts = { acknowledged: 0, refused: 0 }
      let isOver = false
      const write = async ({ set }: { set: string }, who: string) => {
        const writer = visitor(id)
        for (let i = 0; !isOver; i += 1) {
          const name = `${who}${i % 100}`
          const answer = await writer.get(`${set}?name=${name}&value=${i}`)
          if (answer.status === 200) {
            acknowledged.set(name, i)
            counts.acknowledged += 1
          } else {
            expectRefused(answer)
            counts.refused += 1
          }
          expect(writer.id).toBe(id)
        }
      }
      const killAgainAndAgain = async () => {
        for (let kill = 0; kill < kills; kill += 1) {
          const before = { ...counts }
          await expect.poll(() => counts.acknowledged, { timeout: 10_000 }).toBeGreaterThan(before.acknowledged + 20)
          await redis.kill()
          await expect.poll(() => counts.refused, { timeout: 10_000 }).toBeGreaterThan(before.refused + 2)
          await redis.start()
        }
        isOver = true
      }
      try {
        await Promise.all([write(urls[0]!, 'node'), write(urls[1]!, 'java'), killAgainAndAgain()])
      } finally {
        isOver = true
      }
      await untilWell()
      for (const { read } of urls) {
        const { attributes } = JSON.parse(await browser.read(read)) as { attributes: Record<string, string> }
        const lost = [...acknowledged].filter(([name, value]) => !(Number(attributes[name]) >= value))
        expect(lost).toEqual([])
      }
      tell('with Tomcat, kills of Redis', { kills, ...counts, lost: 0 })
    },
    10 * minutes,
  )

  function expectRefused({ status, headers, sessionCookies }: Answer): void {
    expect([status, headers.get('retry-after'), sessionCookies]).toEqual([503, '1', []])
  }

  /** Both know the user again, within a few seconds; until then they say 503 and nothing else. How long it took. */
  async function untilWell(): Promise<{ nodeMs: number; tomcatMs: number }> {
    const startedAt = performance.now()
    const [nodeMs = 0, tomcatMs = 0] = await Promise.all(
      urls.map(async ({ read }) => {
        for (;;) {
          const answer = await browser.get(read)
          const tookMs = Math.round(performance.now() - startedAt)
          if (answer.status === 200) {
            expect(JSON.parse(answer.body).user).toBe('ann')
            return tookMs
          }
          expectRefused(answer)
          if (tookMs > 10_000) throw new Error(`${read} is not back`)
          await sleep(10)
        }
      }),
    )
    return { nodeMs, tomcatMs }
  }
}
