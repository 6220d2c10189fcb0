import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browser } from './client.ts'
import { startNodes, type TestNode } from './nodes.ts'
import { hasRedis, startRedis, type TestRedis } from './redis-server.ts'

const dir = mkdtempSync(join(tmpdir(), 'baton-nodes-'))
let redis: TestRedis | undefined

afterAll(async () => {
  await redis?.stop()
  rmSync(dir, { recursive: true, force: true })
})

describe('three processes on LMDB', () => {
  describeNodes(async () => `lmdb:${join(dir, 'sessions')}`)

  it('a kill -9 takes nothing that was answered, and stops nobody else', async () => {
    const [victim, survivor] = await startNodes(2, `lmdb:${join(dir, 'killed')}`)
    const visitor = browser(survivor!.origin)
    await visitor.get('/login')
    const answered: string[] = []
    const writer = browser(victim!.origin, visitor.cookie)
    const writing = Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let i = 0; ; i += 1) {
          const name = `n${lane}-${i}`
          await writer.get(`/set?name=${name}`)
          answered.push(name)
        }
      }),
    ).catch(() => {})
    await expect.poll(() => answered.length, { timeout: 10_000 }).toBeGreaterThan(100)
    await victim!.kill()
    await writing
    expect((await visitor.get('/set?name=after')).status).toBe(200)
    const { attributes } = JSON.parse((await visitor.get('/me')).body) as { attributes: Record<string, unknown> }
    expect([...answered, 'after'].filter((name) => !(name in attributes))).toEqual([])
    await survivor!.kill()
  })
})

describe.skipIf(!hasRedis)('three processes on Redis', () => {
  describeNodes(async () => {
    redis = await startRedis()
    return redis.url
  })
})

function describeNodes(store: () => Promise<string>): void {
  let nodes: TestNode[] = []
  beforeAll(async () => {
    nodes = await startNodes(3, await store())
  })
  afterAll(() => Promise.all(nodes.map((node) => node.kill())))
  const on = (i: number, cookie?: string) => browser(nodes[i % nodes.length]!.origin, cookie)

  it('lose no attribute that parallel requests write, and count exactly', async () => {
    for (let round = 0; round < 4; round += 1) {
      const visitor = on(round)
      await visitor.get('/login')
      const answers = await Promise.all(
        Array.from({ length: 48 }, (_, i) => on(i, visitor.cookie).get(i % 2 === 0 ? `/set?name=n${i}` : '/count')),
      )
      expect(answers.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${body}`)).toEqual([])
      const { attributes } = JSON.parse((await visitor.get('/me')).body) as { attributes: Record<string, unknown> }
      expect(Object.keys(attributes)).toHaveLength(25)
      expect(attributes.count).toBe(24)
    }
  })

  it('do not revive on one node what was logged out on another while a request was writing', async () => {
    for (let trial = 0; trial < 20; trial += 1) {
      const visitor = on(trial)
      await visitor.get('/login')
      const copy = visitor.cookie
      const slow = on(trial + 1, copy).get(`/slow?ms=${20 + trial}`)
      await sleep(trial * 2)
      await on(trial + 2, copy).get('/logout')
      const answer = await slow
      expect([answer.status, answer.setCookie]).toEqual([200, []])
      expect(JSON.parse((await on(trial, copy).get('/me')).body)).toEqual({ user: null, attributes: {} })
    }
  })

  it('know a login as soon as its redirect is followed on another node', async () => {
    for (let trial = 0; trial < 60; trial += 1) {
      const visitor = on(trial)
      const { headers } = await visitor.get('/login')
      const next = await on(trial + 1, visitor.cookie).get(headers.location ?? '')
      expect(JSON.parse(next.body).user).toBe('ann')
    }
  })
}
