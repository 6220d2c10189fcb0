import type { BatonEvent } from '@baton/core'
import { expect, test } from 'vitest'
import { createRollRig, type RollRig } from './rig.ts'

const ramp = [
  { percent: 10, holdMs: 10_000 },
  { percent: 50, holdMs: 30_000 },
  { percent: 100, holdMs: 0 },
]

test('a node joins with the first share of its weight and gets the next ones in their times', async () => {
  const rig = createRollRig({ weight: 100, ramp })
  expect((await rig.run()).outcome).toBe('succeeded')
  for (const node of ['web-1', 'web-2']) {
    expect(stepsOf(rig, node)).toEqual([
      { weight: 10, afterMs: 0 },
      { weight: 50, afterMs: 10_000 },
      { weight: 100, afterMs: 40_000 },
    ])
  }
  expect(ramping(rig.events)).toEqual([10, 50, 100, 10, 50, 100])
})

test('a share is a whole weight, and never none', async () => {
  const rig = createRollRig({ weight: 10, ramp: [1, 25, 100].map((percent) => ({ percent, holdMs: 1_000 })) })
  await rig.run()
  expect(stepsOf(rig, 'web-1').map(({ weight }) => weight)).toEqual([1, 3, 10])
})

test('without a ramp a node joins at its whole weight', async () => {
  const rig = createRollRig({ weight: 10, ramp: [] })
  expect((await rig.run()).outcome).toBe('succeeded')
  expect(rig.weights.map(({ node, weight }) => [node, weight])).toEqual([
    ['web-1', 10],
    ['web-2', 10],
  ])
  expect(ramping(rig.events)).toEqual([])
})

test('a node that the balancer finds down on its ramp has failed, and goes back by the ramp', async () => {
  const rig = createRollRig({ weight: 100, ramp })
  rig.clock.at(15_000, () => rig.balancer.setHealthy('web-1', { healthy: false }))
  expect((await rig.run()).outcome).toBe('rolled-back')
  expect(rig.events.find(({ type }) => type === 'node.failed')).toMatchObject({
    node: 'web-1',
    step: 'ramp',
    error: {
      code: 'not-serving',
      message: expect.stringContaining('web-1 served, and now the balancer says it is down'),
    },
  })
  expect(rig.nodes.get('web-1')!.running()).toBe('v1')
  expect(rig.weights.map(({ weight }) => weight)).toEqual([10, 10, 50, 10, 10, 50, 100])
})

test('an app that leaves health on its ramp has failed, even where the balancer does not see it', async () => {
  const rig = createRollRig({ weight: 100, ramp })
  rig.clock.at(15_000, () => rig.nodes.get('web-1')!.setHealth({ healthy: false }))
  rig.clock.at(15_800, () => rig.nodes.get('web-1')!.setHealth({ healthy: true }))
  expect((await rig.run()).outcome).toBe('rolled-back')
  expect(rig.events.find(({ type }) => type === 'node.failed')).toMatchObject({
    step: 'ramp',
    error: { code: 'left-health' },
  })
})

test('a node that is down for one look goes on with its ramp', async () => {
  const rig = createRollRig({ weight: 100, ramp })
  rig.clock.at(15_000, () => rig.balancer.setHealthy('web-1', { healthy: false }))
  rig.clock.at(15_300, () => rig.balancer.setHealthy('web-1', { healthy: true }))
  expect((await rig.run()).outcome).toBe('succeeded')
})

test('an interrupted ramp is cut short, and begins again when the deploy is resumed', async () => {
  const rig = createRollRig({ weight: 100, ramp })
  const interrupt = new AbortController()
  rig.clock.at(15_000, () => interrupt.abort('SIGINT'))
  expect((await rig.run({ interrupt: interrupt.signal })).outcome).toBeNull()
  expect(rig.clock.now()).toBeLessThan(20_000)
  expect(rig.events.at(-1)).toMatchObject({ type: 'deploy.interrupted' })
  expect((await rig.run()).outcome).toBe('succeeded')
  const weights = rig.weights.filter(({ node }) => node === 'web-1').map(({ weight }) => weight)
  expect(weights).toEqual([10, 10, 50, 10, 50, 100])
})

/** The weights that a node was given and when, counted from the first; said twice is said once. */
function stepsOf({ weights }: RollRig, node: string): { weight: number; afterMs: number }[] {
  const asked = weights.filter((each) => each.node === node)
  const first = asked[0]?.at ?? 0
  return asked
    .filter(({ weight }, index) => weight !== asked[index - 1]?.weight)
    .map(({ weight, at }) => ({ weight, afterMs: at - first }))
}

function ramping(events: readonly BatonEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'node.ramping' ? [event.percent] : []))
}
