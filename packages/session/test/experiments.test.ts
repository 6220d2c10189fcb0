import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDelayingProxy } from './delaying-proxy.ts'
import { asker } from './experiments-client.ts'
import { lostLogins, lostRedirects, lostUpdates, resurrections, tell } from './experiments-faults.ts'
import { type NodeProgram, startNode, startNodes, type TestNode } from './nodes.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'

// The everyday faults of sessions behind a balancer, looked for in three processes, and beside them in the same app on
// express-session and connect-redis: what is found there shows that they can be found here.
// BATON_SESSION_RUNS=1000 makes each of them as long as a release is measured by.

const asked = Number(process.env.BATON_SESSION_RUNS ?? 0)
const minutes = 60_000

const client = asker()
const dir = mkdtempSync(join(tmpdir(), 'baton-experiments-'))
afterAll(() => {
  client.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('three processes on LMDB', () => {
  let nodes: TestNode[] = []
  beforeAll(async () => {
    nodes = await startNodes(3, `lmdb:${join(dir, 'sessions')}`)
  })
  afterAll(() => Promise.all(nodes.map((node) => node.kill())))

  describeExperiments(() => nodes)
})

describe.skipIf(!hasRedis)('three processes on Redis', () => {
  let redis: TestRedis
  let nodes: TestNode[] = []
  let peers: TestNode[] = []
  beforeAll(async () => {
    redis = await startRedis()
    ;[nodes, peers] = await Promise.all([startNodes(3, redis.url), startNodes(3, redis.url, 'peer-worker.js')])
  })
  afterAll(async () => {
    await Promise.all([...nodes, ...peers].map((node) => node.kill()))
    await redis?.stop()
  })

  describeExperiments(() => nodes)

  it.each([50, 200])(
    'know a login when its redirect is followed at once on another node, and the store takes %i ms',
    async (delayMs) => {
      const trials = asked || 40
      expect(await redirectFailures('worker.js', { delayMs, trials })).toBe(0)
      const peerTrials = Math.min(trials, 100)
      const ofPeer = await redirectFailures('peer-worker.js', { delayMs, trials: peerTrials })
      tell(`login redirect, ${delayMs} ms`, { trials, ours: 0, peerTrials, ofPeer })
      expect(ofPeer).toBeGreaterThan(0)
    },
    10 * minutes,
  )

  describe('express-session and connect-redis, on the same rig,', () => {
    it('lose updates, revive what was logged out, and log out who has just logged in', async () => {
      const trials = 15
      const lost = await lostUpdates(client, peers, trials)
      const revived = await resurrections(client, peers, trials)
      const loggedOut = await lostLogins(client, peers, 3 * trials)
      tell('peer', { trials, ...lost, revived, loggedOut, ofLogins: 3 * trials })
      expect(lost.attributes).toBeGreaterThan(0)
      expect(lost.counts).toBeGreaterThan(0)
      expect(revived).toBeGreaterThan(0)
      expect(loggedOut).toBeGreaterThan(0)
    }, 60_000)
  })

  /** The first node reaches Redis late, the second at once. */
  async function redirectFailures(
    program: NodeProgram,
    { delayMs, trials }: { delayMs: number; trials: number },
  ): Promise<number> {
    const proxy = await startDelayingProxy({ port: redis.port, delayMs })
    const late = await startNode(`redis://127.0.0.1:${proxy.port}/0`, program)
    const prompt = (program === 'worker.js' ? nodes : peers)[0]!
    try {
      return await lostRedirects(client, { late: late.origin, prompt: prompt.origin }, trials)
    } finally {
      await late.kill()
      await proxy.close()
    }
  }
})

function describeExperiments(nodes: () => readonly TestNode[]): void {
  it(
    'lose no update: 50 parallel requests each write an attribute of their own and count by update',
    async () => {
      const runs = asked || 20
      const lost = await lostUpdates(client, nodes(), runs)
      tell('lost updates', { runs, ...lost })
      expect(lost).toEqual({ attributes: 0, counts: 0 })
    },
    10 * minutes,
  )

  it(
    'revive nothing when one of them writes late and another has logged out',
    async () => {
      const trials = asked || 150
      const revived = await resurrections(client, nodes(), trials)
      tell('resurrections', { trials, revived })
      expect(revived).toBe(0)
    },
    10 * minutes,
  )

  it(
    'leave the browser logged in, whichever of three answers to the old id it takes in last',
    async () => {
      const trials = asked || 150
      const loggedOut = await lostLogins(client, nodes(), trials)
      tell('lost logins', { trials, loggedOut })
      expect(loggedOut).toBe(0)
    },
    10 * minutes,
  )
}
