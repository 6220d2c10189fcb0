import type { DeployEventBody, NodeEventBody } from './events.ts'
import { admits } from './floor.ts'
import { rampOf, shareOf } from './ramp.ts'
import { type DeployState, type NodeProgress, type Phase, progressOf } from './state.ts'
import { withoutWayBack } from './way-back.ts'

/** Something to do in the world. What it is named after happens to `node`; a survey asks the balancer. */
export type Effect =
  | { readonly type: 'survey'; readonly nodes: readonly string[] }
  | { readonly type: 'stage' | 'drain' | 'stop' | 'start' | 'join' | 'bake' | 'prune'; readonly node: string }
  | { readonly type: 'activate' | 'check'; readonly node: string; readonly release: string }
  | Ramp

/** One step of a ramp: `percent` of the planned weight, held for so long. */
export interface Ramp {
  readonly type: 'ramp'
  readonly node: string
  readonly percent: number
  readonly weight: number
  readonly holdMs: number
}

/**
 * What the deploy wants now: facts to write down at once, and effects that should be under way. An effect that is wanted
 * and not running is to be started (its announcement first); a wait that is running and no longer wanted is to be
 * cancelled. Pure, and the same after a crash as before it.
 */
export interface Wanted {
  /** Written down only once nothing runs. */
  readonly record: DeployEventBody | null
  readonly effects: readonly Effect[]
}

export function next(state: DeployState): Wanted {
  if (state.outcome !== null) return nothing
  if (state.halted) return record(finished(state, 'halted'))
  if (state.trouble?.course === 'back' && state.direction === 'forward') return turnBack(state)
  if (state.nodes.some((node) => node.phase === 'waiting' || node.phase === 'staging')) return stageAll(state)
  const group = state.groups[state.group]
  if (state.trouble !== null && (group === undefined || groupEffects(state, group).length === 0)) return halt(state)
  if (group !== undefined) return effects(groupEffects(state, group))
  if (state.direction === 'back') return record(finished(state, state.backOutcome))
  return cleanUp(state)
}

/** The event that announces an effect, to be on disk before the effect begins; null for one that changes nothing. */
export function announcement(effect: Effect): NodeEventBody | null {
  switch (effect.type) {
    case 'survey':
      return null
    case 'activate':
      return { type: 'node.activating', node: effect.node, release: effect.release }
    case 'ramp':
      return { type: 'node.ramping', node: effect.node, percent: effect.percent, weight: effect.weight }
    default:
      return { type: announcements[effect.type], node: effect.node }
  }
}

/** Waiting may be cut short at any moment and begun again later; every other effect, once begun, is seen through. */
export function isWait(effect: Effect): boolean {
  return waits.has(effect.type)
}

const waits: ReadonlySet<Effect['type']> = new Set(['survey', 'drain', 'check', 'ramp', 'bake'])

const announcements = {
  stage: 'node.staging',
  drain: 'node.draining',
  stop: 'node.stopping',
  start: 'node.starting',
  check: 'node.checking',
  join: 'node.joining',
  bake: 'node.baking',
  prune: 'node.pruning',
} as const

const nothing: Wanted = { record: null, effects: [] }

function record(event: DeployEventBody): Wanted {
  return { record: event, effects: [] }
}

function effects(list: readonly Effect[]): Wanted {
  return { record: null, effects: list }
}

function stageAll(state: DeployState): Wanted {
  return effects(inParallel(state, 'stage', 'waiting', 'staging'))
}

/** Files are brought, and removed, on many nodes at once, though not on a thousand. */
const filesInParallel = 32

/** Those that are at it, and as many of those that wait for it as may join them. */
function inParallel(state: DeployState, type: 'stage' | 'prune', waiting: Phase, busy: Phase): Effect[] {
  const list: Effect[] = []
  for (const phase of [busy, waiting]) {
    for (const node of state.nodes) {
      if (list.length === filesInParallel) return list
      if (node.phase === phase) list.push({ type, node: node.planned.id })
    }
  }
  return list
}

/** Nothing new is wanted: the steps in hand end, the waits are cut short, and only then is this written down. */
function turnBack(state: DeployState): Wanted {
  const lost = withoutWayBack(state)
  // To stop a node for good because nothing is known of its past takes a person who has said so: `abort`.
  if (lost.length > 0 && state.backOutcome !== 'aborted') {
    const reason = `${state.trouble!.reason}; cannot go back: no earlier release is known on ${lost.join(', ')}`
    return record({ type: 'deploy.halted', reason })
  }
  return record({ type: 'deploy.rolling-back', reason: state.trouble!.reason })
}

function halt(state: DeployState): Wanted {
  return record({ type: 'deploy.halted', reason: state.trouble!.reason })
}

function groupEffects(state: DeployState, group: readonly string[]): Effect[] {
  const members = group.map((id) => progressOf(state, id))
  const steps = members.flatMap((node) => stepOf(state, node))
  // After a failure nobody else is taken out; those who are come to the end of their way, so that before a halt no
  // capacity is left out needlessly.
  if (state.trouble !== null) return steps
  return [...steps, ...takeOut(state, members)]
}

function takeOut(state: DeployState, members: readonly NodeProgress[]): Effect[] {
  const queued = members.filter((node) => node.phase === 'staged')
  if (queued.length === 0) return []
  const admitted = state.survey === null ? undefined : queued.find((node) => admits(state, state.survey!, node))
  if (admitted !== undefined) return [{ type: 'drain', node: admitted.planned.id }]
  return [{ type: 'survey', nodes: queued.map((node) => node.planned.id) }]
}

/** The one thing that brings a node on from where it is; nothing where it has arrived or waits for its turn. */
function stepOf(state: DeployState, node: NodeProgress): Effect[] {
  const id = node.planned.id
  switch (node.phase) {
    case 'staging':
      return [{ type: 'stage', node: id }]
    case 'draining':
      return [{ type: 'drain', node: id }]
    case 'drained':
    case 'stopping':
      return [{ type: 'stop', node: id }]
    case 'stopped':
    case 'activating':
      return [{ type: 'activate', node: id, release: node.target! }]
    case 'activated':
    case 'starting':
      return [{ type: 'start', node: id }]
    case 'started':
    case 'checking':
      return [{ type: 'check', node: id, release: node.target! }]
    case 'healthy':
    case 'joining':
      return [{ type: 'join', node: id }]
    case 'joined':
    case 'ramping':
    case 'ramped':
      return [rampOrBake(state, node)]
    case 'baking':
      return [{ type: 'bake', node: id }]
    default:
      return []
  }
}

function rampOrBake(state: DeployState, { planned, ramped }: NodeProgress): Effect {
  const step = rampOf(state.plan)[ramped]
  if (step === undefined) return { type: 'bake', node: planned.id }
  const { percent, holdMs } = step
  return { type: 'ramp', node: planned.id, percent, weight: shareOf(planned.weight, percent), holdMs }
}

function cleanUp(state: DeployState): Wanted {
  const prunes = inParallel(state, 'prune', 'done', 'pruning')
  return prunes.length > 0 ? effects(prunes) : record(finished(state, 'succeeded'))
}

function finished(state: DeployState, outcome: 'succeeded' | 'rolled-back' | 'halted' | 'aborted'): DeployEventBody {
  return { type: 'deploy.finished', outcome, durationMs: Date.parse(state.lastAt) - Date.parse(state.startedAt) }
}
