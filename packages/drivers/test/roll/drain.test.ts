import { type Balancer, describe as inWords, type NodeState } from '@baton/core'
import { expect, test } from 'vitest'
import { createMemoryBalancer } from '../../src/balancers/memory/memory-balancer.ts'
import type { EffectContext } from '../../src/roll/context.ts'
import { drain } from '../../src/roll/drain.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

const nodes = [{ id: 'web-1', address: '127.0.0.1:3001', weight: 10 }]

test('a balancer that counts is waited for until nothing is in flight', async () => {
  const balancer = createMemoryBalancer({ nodes })
  const clock = createVirtualClock()
  balancer.setInflight('web-1', { inflight: 2 })
  clock.at(500, () => balancer.setInflight('web-1', { inflight: 0 }))
  expect(await drain(contextOf({ balancer, clock, onDrainTimeout: 'abort' }), 'web-1')).toEqual({
    type: 'node.drained',
    node: 'web-1',
    inflight: 0,
    forced: false,
    waitedMs: 500,
  })
})

test('a balancer that cannot count is waited for until it says that the node is drained', async () => {
  const clock = createVirtualClock()
  const { balancer, says } = uncounting()
  clock.at(700, () => says('drained'))
  const event = await drain(contextOf({ balancer, clock, onDrainTimeout: 'abort' }), 'web-1')
  expect(event).toEqual({ type: 'node.drained', node: 'web-1', inflight: null, forced: false, waitedMs: 700 })
  expect(wordsFor(event)).toBe('web-1 drained after 700 ms')
})

test('at the deadline it is said that nobody could count, where the deploy gives up', async () => {
  const { balancer } = uncounting()
  const context = contextOf({ balancer, clock: createVirtualClock(), onDrainTimeout: 'abort' })
  await expect(drain(context, 'web-1')).rejects.toMatchObject({
    code: 'drain-timeout',
    message: 'nothing shows that web-1 is drained, and this balancer cannot count what is in flight, after 1 s',
  })
})

test('at the deadline it is said that nobody could count, where what is left is cut off', async () => {
  const { balancer } = uncounting()
  const context = contextOf({ balancer, clock: createVirtualClock(), onDrainTimeout: 'force' })
  const event = await drain(context, 'web-1')
  expect(event).toMatchObject({ type: 'node.drained', inflight: null, forced: true })
  expect(wordsFor(event)).toMatch(/by force after 1\.0 s: what was in flight, which nobody could count, was cut off$/)
})

test('a balancer that should count and does not is no evidence', async () => {
  const { balancer } = uncounting()
  const broken = { ...balancer, supports: { ...balancer.supports, inflight: true } }
  const context = contextOf({ balancer: broken, clock: createVirtualClock(), onDrainTimeout: 'force' })
  await expect(drain(context, 'web-1')).rejects.toMatchObject({ code: 'inflight-unknown' })
})

/** It tells a node's state, and not what is in flight. */
function uncounting(): { readonly balancer: Balancer; says(state: NodeState): void } {
  const memory = createMemoryBalancer({ nodes })
  let state: NodeState = 'draining'
  return {
    balancer: {
      ...memory,
      supports: { ...memory.supports, inflight: false, closeLongLived: false },
      async inspect(call) {
        const view = await memory.inspect(call)
        return { ...view, nodes: view.nodes.map((node) => ({ ...node, state, inflight: null })) }
      },
    },
    says(next) {
      state = next
    },
  }
}

function contextOf(options: {
  readonly balancer: Balancer
  readonly clock: VirtualClock
  readonly onDrainTimeout: 'abort' | 'force'
}): EffectContext {
  const rollout = { drainTimeoutMs: 1_000, onDrainTimeout: options.onDrainTimeout }
  return {
    // All that a drain looks at.
    state: () => ({ plan: { rollout } }) as ReturnType<EffectContext['state']>,
    balancer: options.balancer,
    node: () => {
      throw new Error('a drain asks the balancer alone')
    },
    clock: options.clock,
    health: { intervalMs: 250, rise: 1, fall: 1, deadlineMs: 1_000 },
    signal: new AbortController().signal,
    token: 1,
    note: async () => {},
  }
}

function wordsFor(body: Awaited<ReturnType<typeof drain>>): string {
  return inWords({ seq: 1, at: '2026-01-01T00:00:00.000Z', deploy: 'd1', ...body }).line
}
