import { expect, test } from 'vitest'
import { startAppServer } from '../nginx/app-server.ts'
import { call, useDynamicNginx } from '../nginx/use-dynamic-nginx.ts'

const { apps, start, client } = useDynamicNginx([50, 30])

test('shares hold within half a percent over all workers, also right after changes', async () => {
  const third = await startAppServer('web-3', 20)
  const { balancer } = await start({ workers: 4, nodes: [...apps(), third] })
  try {
    await expectShares([50, 30, 20])
    await balancer.set('web-1', { admin: 'out' }, call())
    await expectShares([0, 30, 20])
    await balancer.set('web-1', { admin: 'in', weight: 997 }, call())
    await balancer.set('web-3', { admin: 'in', weight: 3 }, call())
    await expectShares([997, 30, 3])
    for (let time = 0; time < 20; time++)
      await balancer.set('web-1', { admin: time % 2 ? 'in' : 'out', weight: 50 }, call())
    await balancer.set('web-3', { admin: 'in', weight: 20 }, call())
    await expectShares([50, 30, 20])
  } finally {
    await third.close()
  }
})

test('frequent changes bring no node more than its share, and no bursts', async () => {
  const third = await startAppServer('web-3', 20)
  const { balancer } = await start({ nodes: [...apps(), third] })
  const own = client()
  const nodes: (string | null)[] = []
  for (let round = 0; round < 30; round++) {
    await balancer.set('web-3', { admin: round % 2 ? 'in' : 'out' }, call())
    for (let time = 0; time < 3; time++) nodes.push((await own.send('/')).node)
  }
  await third.close()
  // Half of the time web-3 is there. Every sequence from scratch would begin with web-1.
  const share = 45 * (50 / 80) + 45 * (50 / 100)
  expect(Math.abs(nodes.filter((node) => node === 'web-1').length - share)).toBeLessThan(2.5)
  let run = 0
  const runs = nodes.map((node, index) => (run = node === nodes[index - 1] ? run + 1 : 1))
  expect(Math.max(...runs)).toBeLessThanOrEqual(3)
})

const REQUESTS = 3_200
const CLIENTS = 16

/** Each worker is within a request or two of the exact share, however many requests there are: these tell as much as 100,000. */
async function expectShares(weights: readonly number[]): Promise<void> {
  const counts = new Map<string | null, number>()
  const runs = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const own = client()
      for (let time = 0; time < REQUESTS / CLIENTS; time++) {
        const { node } = await own.send('/')
        counts.set(node, (counts.get(node) ?? 0) + 1)
      }
    }),
  )
  expect(runs).toHaveLength(CLIENTS)
  const total = weights.reduce((sum, weight) => sum + weight)
  weights.forEach((weight, index) => {
    const share = (counts.get(`web-${index + 1}`) ?? 0) / REQUESTS
    expect(Math.abs(share - weight / total), `web-${index + 1}: ${share}`).toBeLessThan(0.005)
  })
}
