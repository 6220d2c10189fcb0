import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import type { Config } from '../../src/config/types.ts'
import { makePlan, type Observed, type Wish } from '../../src/plan/make.ts'

const wish: Wish = {
  deploy: 'd1',
  kind: 'deploy',
  release: { id: 'v2', source: '/v2', kind: 'directory', sha256: '' },
  only: null,
}

test('a ramp stands in the plan', () => {
  expect(makePlan(configWith('ramp: [10% for 30s, 100%]'), wish, observed({ weights: true })).rollout.ramp).toEqual([
    { percent: 10, holdMs: 30_000 },
    { percent: 100, holdMs: 0 },
  ])
})

test('a ramp on a balancer that cannot change weights is refused, before there is anything to do', () => {
  expect(() => makePlan(configWith('ramp: [10%, 100%]'), wish, observed({ weights: false }))).toThrow(
    expect.objectContaining({
      code: 'unsupported',
      message: 'rollout.ramp changes weights, and this balancer (embedded) cannot',
      hint: expect.stringContaining('remove rollout.ramp'),
    }),
  )
})

test('without a ramp such a balancer will do', () => {
  expect(makePlan(configWith('ramp: []'), wish, observed({ weights: false })).rollout.ramp).toEqual([])
})

function configWith(rollout: string): Config {
  const yaml = `name: shop
app: { command: node server.js }
nodes: { web-1: { address: 127.0.0.1:3001 }, web-2: { address: 127.0.0.1:3002 } }
rollout: { ${rollout} }
`
  const parsed = parseConfig(yaml, 'baton.yaml')
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.config
}

function observed({ weights }: { readonly weights: boolean }): Observed {
  return {
    balancer: { generation: '1', nodes: [] },
    supports: { inflight: true, weights, closeLongLived: true, metrics: true },
    nodes: new Map(),
    noWayBack: new Map(),
    succeeded: [],
  }
}
