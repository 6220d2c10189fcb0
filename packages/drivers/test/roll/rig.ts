import type { Balancer, BatonEvent, DeployState, EventBody, Plan } from '@baton/core'
import { createMemoryBalancer, type MemoryBalancer } from '../../src/balancers/memory/memory-balancer.ts'
import { roll } from '../../src/roll/roll.ts'
import { createMemoryNode, type MemoryNode } from './memory-node.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

export interface RollRig {
  readonly balancer: MemoryBalancer
  readonly clock: VirtualClock
  readonly nodes: ReadonlyMap<string, MemoryNode>
  /** The journal so far. */
  readonly events: readonly BatonEvent[]
  /** The weights that were asked for, with the clock's time. */
  readonly weights: readonly { readonly node: string; readonly weight: number; readonly at: number }[]
  /** Begins the deploy, or goes on with it; `interrupt` ends it early. */
  run(how?: { readonly interrupt?: AbortSignal }): Promise<DeployState>
}

/** Two nodes on v1, in a balancer and with a clock in memory, that get v2 one after the other; nothing bakes. */
export function createRollRig(options: { readonly weight: number; readonly ramp: Plan['rollout']['ramp'] }): RollRig {
  const plan = planOf(options)
  const clock = createVirtualClock()
  const balancer = createMemoryBalancer({ nodes: plan.nodes })
  const nodes = new Map(plan.nodes.map(({ id }) => [id, createMemoryNode(id, 'v1')]))
  const events: BatonEvent[] = []
  const weights: { node: string; weight: number; at: number }[] = []
  const heard: Balancer = {
    ...balancer,
    async set(node, wanted, call) {
      if (wanted.weight !== undefined) weights.push({ node, weight: wanted.weight, at: clock.now() })
      await balancer.set(node, wanted, call)
    },
  }
  return {
    balancer,
    clock,
    nodes,
    events,
    weights,
    run: ({ interrupt = new AbortController().signal } = {}) =>
      roll({
        deploy: plan.deploy,
        journal: { append: async (event) => void events.push(event), close: async () => {} },
        past: [...events],
        first: events.length === 0 ? started(plan) : { type: 'deploy.resumed', only: null },
        balancer: heard,
        nodes,
        clock,
        health: { intervalMs: 250, rise: 1, fall: 3, deadlineMs: 1_000 },
        lease: {
          token: 1,
          lost: new AbortController().signal,
          assertHeld: async () => {},
          release: async () => {},
        },
        interrupt,
        timeoutMs: null,
        redact: (text) => text,
        onEvent: () => {},
      }),
  }
}

function started(plan: Plan): EventBody {
  return { type: 'deploy.started', release: 'v2', from: 'v1', nodes: plan.nodes.map(({ id }) => id), plan }
}

function planOf({ weight, ramp }: { weight: number; ramp: Plan['rollout']['ramp'] }): Plan {
  const ids = ['web-1', 'web-2']
  return {
    deploy: 'd1',
    kind: 'deploy',
    release: { id: 'v2', source: '/v2', kind: 'directory', sha256: '' },
    from: 'v1',
    nodes: ids.map((id, i) => ({ id, address: `127.0.0.1:${3001 + i}`, weight, from: 'v1', parked: false })),
    batches: ids.map((id) => [id]),
    floor: { weight, of: 2 * weight },
    rollout: {
      batch: 1,
      drainTimeoutMs: 1_000,
      onDrainTimeout: 'abort',
      bakeMs: 0,
      ramp,
      onFailure: 'rollback',
      progressDeadlineMs: 600_000,
    },
    keep: ['v2', 'v1'],
    warnings: [],
  }
}
