import { type BatonEvent, type DeployState, type Effect, evolve, next, type Plan, surveyOf } from '../../src/index.ts'

/**
 * Plays a transcript against the engine. Commands:
 *
 *   plan nodes=a,b,c batch=2 floor=10 onFailure=halt parked=c unknown=b    begins a deploy of v2 over v1 (weight 10 each)
 *   plan … ramp=10,50,100                                                 the same with a ramp
 *   deploy.surveyed serving=a,b:5                                         b serves with a weight of 5
 *   <event type> [node] [key=value …]                                     one more event
 *
 * Each answers with the nodes' phases and what the engine wants next.
 */
export function createStagePlay(): { command(line: string): string } {
  let state: DeployState | undefined
  let seq = 0
  const play = (body: object) => {
    seq += 1
    const event = { seq, at: new Date(seq * 1_000).toISOString(), deploy: 'd1', ...body } as BatonEvent
    state = evolve(state, event)
    return picture(state)
  }
  return {
    command(line) {
      const [verb = '', ...words] = line.split(/\s+/)
      const pairs = Object.fromEntries(
        words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
      )
      if (verb === 'plan') {
        const plan = planOf(pairs)
        return play({
          type: 'deploy.started',
          release: 'v2',
          from: 'v1',
          nodes: plan.nodes.map((node) => node.id),
          plan,
        })
      }
      const node = words.find((word) => !word.includes('='))
      return play({ type: verb, ...(node === undefined ? {} : { node }), ...bodyOf(verb, pairs, state) })
    },
  }
}

function planOf(pairs: Readonly<Record<string, string>>): Plan {
  const ids = pairs.nodes!.split(',')
  const batch = Number(pairs.batch ?? 1)
  return {
    deploy: 'd1',
    kind: 'deploy',
    release: { id: 'v2', source: '/v2', kind: 'directory', sha256: '' },
    from: 'v1',
    nodes: ids.map((id, i) => ({
      id,
      address: `127.0.0.1:${3001 + i}`,
      weight: 10,
      from: pairs.unknown === id ? null : 'v1',
      parked: pairs.parked === id,
    })),
    batches: ids.flatMap((_, i) => (i % batch === 0 ? [ids.slice(i, i + batch)] : [])),
    floor: { weight: Number(pairs.floor ?? 0), of: ids.length * 10 },
    rollout: {
      batch,
      drainTimeoutMs: 30_000,
      onDrainTimeout: 'abort',
      bakeMs: 5_000,
      ramp: rampOf(pairs.ramp),
      onFailure: pairs.onFailure === 'halt' ? 'halt' : 'rollback',
      progressDeadlineMs: 600_000,
    },
    keep: ['v2', 'v1'],
    warnings: [],
  }
}

function rampOf(percents: string | undefined): Plan['rollout']['ramp'] {
  return (percents?.split(',') ?? []).map((percent) => ({ percent: Number(percent), holdMs: 10_000 }))
}

function bodyOf(verb: string, pairs: Readonly<Record<string, string>>, state: DeployState | undefined): object {
  const only = pairs.only?.split(',') ?? null
  switch (verb) {
    case 'deploy.surveyed':
      return surveyOf(
        state!,
        viewOf(pairs.serving ?? ''),
        state!.plan.nodes.map((node) => node.id),
      )
    case 'deploy.resumed':
    case 'deploy.aborting':
      return { only }
    case 'node.failed':
    case 'deploy.failed':
      return { step: pairs.step, error: { code: 'test', message: pairs.why ?? 'broken' } }
    default:
      return pairs
  }
}

function viewOf(serving: string) {
  const nodes = serving.split(',').filter((id) => id !== '')
  const common = { address: '', state: 'serving', healthy: true, inflight: 0, longLived: 0 } as const
  return {
    generation: '1',
    nodes: nodes.map((each) => {
      const [id = '', weight = 10] = each.split(':')
      return { id, weight: Number(weight), ...common }
    }),
  }
}

function picture(state: DeployState): string {
  const nodes = state.nodes.map((node) => `${node.planned.id} ${node.phase}`).join(', ')
  const wanted = next(state)
  const wants = [
    ...wanted.effects.map(effectText),
    ...(wanted.record === null ? [] : [`record ${recordText(wanted.record)}`]),
  ]
  const end = state.outcome === null ? '' : `\nended: ${state.outcome}`
  return `${nodes}\nwants: ${wants.join(', ') || 'nothing'}${end}`
}

function effectText(effect: Effect): string {
  if (effect.type === 'survey') return `survey for ${effect.nodes.join('+')}`
  if (effect.type === 'ramp') return `ramp ${effect.node} to ${effect.percent}% (${effect.weight})`
  return 'release' in effect ? `${effect.type} ${effect.node} ${effect.release}` : `${effect.type} ${effect.node}`
}

function recordText(record: object & { type: string }): string {
  if ('outcome' in record) return `${record.type} ${String(record.outcome)}`
  return 'reason' in record ? `${record.type} (${String(record.reason)})` : record.type
}
