import {
  announcement,
  type BatonEvent,
  type DeployState,
  type Effect,
  type EventBody,
  evolve,
  lane,
  type Plan,
  reconcile,
} from '@baton/core'
import { describeMachine, median, publish, table } from '../results-file.ts'

export interface EngineBenchOptions {
  readonly rounds: number
  readonly quick: boolean
}

const nodes = 1_000
const goalMs = 1

/** What deciding costs: a whole roll of 1,000 nodes with a world that obliges at once. */
export async function benchEngine({ rounds, quick }: EngineBenchOptions): Promise<void> {
  const rows = [1, 10, 100].map((batch) => {
    playRoll(planOf(batch))
    const times = Array.from({ length: rounds }, () => {
      const startedAt = performance.now()
      const events = playRoll(planOf(batch))
      return { perNode: (performance.now() - startedAt) / nodes, events }
    })
    return { batch, perNode: median(times.map((each) => each.perNode)), events: times[0]?.events ?? 0 }
  })
  const worst = Math.max(...rows.map((row) => row.perNode))
  publish(
    'engine',
    [
      "# The engine's time",
      '',
      ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
      `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}.`,
      '',
      `A roll of ${nodes} nodes, \`reconcile\` and \`evolve\` alone, median of ${rounds} rounds. Made by \`npm run bench -- engine\`.`,
      '',
      ...table(
        ['batch', 'events', 'ms a node'],
        rows.map((row) => [String(row.batch), String(row.events), row.perNode.toFixed(3)]),
      ),
      '',
      `Less than ${goalMs} ms a node was to be reached: ${worst < goalMs ? 'reached' : '**missed**'}, with ${worst.toFixed(3)} ms at worst.`,
    ],
    { quick },
  )
}

/** Every effect succeeds as soon as it is begun. Gives the number of events. */
function playRoll(plan: Plan): number {
  let seq = 0
  let state: DeployState | undefined
  const write = (body: EventBody) => {
    seq += 1
    state = evolve(state, { seq, at: new Date(seq).toISOString(), deploy: plan.deploy, ...body } as BatonEvent)
  }
  write({
    type: 'deploy.started',
    release: plan.release.id,
    from: plan.from,
    nodes: plan.nodes.map((node) => node.id),
    plan,
  })
  const running = new Map<string, Effect>()
  while (state!.outcome === null) {
    const orders = reconcile(state!, running, 'go-on')
    const effect = orders.start[0]
    if (effect !== undefined) {
      const announced = announcement(effect)
      if (announced !== null) write(announced)
      running.set(lane(effect), effect)
    } else if (orders.record !== null) {
      write(orders.record)
    } else {
      const [key, done] = running.entries().next().value!
      running.delete(key)
      write(outcomeOf(done, plan))
    }
  }
  return seq
}

function outcomeOf(effect: Effect, plan: Plan): EventBody {
  switch (effect.type) {
    case 'survey':
      return { type: 'deploy.surveyed', available: plan.floor.of, serving: effect.nodes }
    case 'stage':
      return { type: 'node.staged', node: effect.node }
    case 'drain':
      return { type: 'node.drained', node: effect.node, inflight: 0, forced: false, waitedMs: 0 }
    case 'stop':
      return { type: 'node.stopped', node: effect.node }
    case 'activate':
      return { type: 'node.activated', node: effect.node, release: effect.release }
    case 'start':
      return { type: 'node.started', node: effect.node }
    case 'check':
      return { type: 'node.healthy', node: effect.node, checks: 3, waitedMs: 0 }
    case 'join':
      return { type: 'node.joined', node: effect.node }
    case 'ramp':
      return { type: 'node.ramped', node: effect.node, percent: effect.percent, weight: effect.weight }
    case 'bake':
      return { type: 'node.baked', node: effect.node }
    case 'prune':
      return { type: 'node.pruned', node: effect.node }
  }
}

function planOf(batch: number): Plan {
  const ids = Array.from({ length: nodes }, (_, i) => `web-${i + 1}`)
  return {
    deploy: 'bench',
    kind: 'deploy',
    release: { id: 'v2', source: '/v2', kind: 'directory', sha256: '' },
    from: 'v1',
    nodes: ids.map((id, i) => ({ id, address: `10.0.0.1:${i + 1}`, weight: 10, from: 'v1', parked: false })),
    batches: ids.flatMap((_, i) => (i % batch === 0 ? [ids.slice(i, i + batch)] : [])),
    floor: { weight: nodes * 5, of: nodes * 10 },
    rollout: {
      batch,
      drainTimeoutMs: 30_000,
      onDrainTimeout: 'abort',
      bakeMs: 5_000,
      onFailure: 'rollback',
      progressDeadlineMs: 600_000,
    },
    keep: ['v2', 'v1'],
    warnings: [],
  }
}
