import { expect, test } from 'vitest'
import { call, useDynamicNginx } from '../nginx/use-dynamic-nginx.ts'

const { apps, start, client } = useDynamicNginx()

test('1,000 nodes of unlike weights: a change takes effect at once in every worker', async () => {
  const [one, two] = apps()
  const nodes = Array.from({ length: 1_000 }, (_, index) => ({
    ...(index === 0 ? one : two),
    id: `web-${index + 1}`,
    weight: index === 0 ? 1_000 : 1 + ((index * 7) % 13),
  }))
  const { balancer } = await start({ workers: 4, nodes })
  const clients = Array.from({ length: 16 }, () => client())
  const ask = async () => Promise.all(clients.map(async (each) => (await each.send('/')).node))
  for (let round = 0; round < 3; round++) {
    await balancer.set('web-1', { admin: 'out' }, call())
    for (let time = 0; time < 20; time++) expect(new Set(await ask())).toEqual(new Set(['web-2']))
    await balancer.set('web-1', { admin: 'in' }, call())
    const answers: (string | null)[] = []
    for (let time = 0; time < 20; time++) answers.push(...(await ask()))
    expect(answers).toContain('web-1')
  }
  const { nodes: found } = await balancer.inspect(call())
  expect(found).toHaveLength(1_000)
  expect(found.every(({ state }) => state === 'serving')).toBe(true)
})
