import type { BatonEvent, DeployEventBody, NodeEventBody, Step, Survey } from './events.ts'
import { rampOf } from './ramp.ts'
import { type DeployState, isSettled, type NodeProgress, type Phase, progressOf, type Trouble } from './state.ts'
import { theWayBack } from './way-back.ts'

/**
 * The state after one more event. Pure: replaying a journal gives the same state. The first event must be
 * `deploy.started`; undefined stands for the state before it.
 */
export function evolve(state: DeployState | undefined, event: BatonEvent): DeployState {
  if (state === undefined) {
    if (event.type !== 'deploy.started') throw new Error(`a journal begins with deploy.started, not with ${event.type}`)
    return begin(event)
  }
  const stamped = { ...state, lastAt: event.at, lastSeq: event.seq }
  return 'node' in event ? advancePastGroups(onNodeEvent(stamped, event)) : onDeployEvent(stamped, event)
}

/** The state that a whole journal leads to; undefined for an empty one. */
export function replay(events: Iterable<BatonEvent>): DeployState | undefined {
  let state: DeployState | undefined
  for (const event of events) state = evolve(state, event)
  return state
}

function begin(event: BatonEvent & { type: 'deploy.started' }): DeployState {
  const { plan } = event
  return {
    plan,
    startedAt: event.at,
    lastAt: event.at,
    lastSeq: event.seq,
    direction: 'forward',
    nodes: plan.nodes.map((planned) => ({
      planned,
      phase: 'waiting',
      target: plan.release.id,
      touched: 'no',
      ramped: 0,
      failed: null,
    })),
    index: new Map(plan.nodes.map((planned, position) => [planned.id, position])),
    groups: plan.batches,
    group: 0,
    trouble: null,
    survey: null,
    only: null,
    backOutcome: 'rolled-back',
    halted: false,
    outcome: null,
  }
}

function onDeployEvent(state: DeployState, event: DeployEventBody): DeployState {
  switch (event.type) {
    case 'deploy.started':
      throw new Error('a journal has one deploy.started')
    case 'deploy.surveyed':
      return { ...state, survey: surveyIn(event) }
    case 'deploy.waiting':
    case 'deploy.interrupted':
      return state
    case 'deploy.failed':
      return withTrouble(state, { reason: event.error.message, node: null, error: event.error })
    case 'deploy.rolling-back':
      return advancePastGroups({ ...state, ...theWayBack(state), trouble: null, survey: null })
    case 'deploy.aborting':
      return aborting(state, event.only)
    case 'deploy.halted':
      return { ...state, halted: true }
    case 'deploy.resumed':
      return resumed(state, event.only)
    case 'deploy.finished':
      return { ...state, outcome: event.outcome }
  }
}

/** Where each event leaves its node. */
const phaseAfter: Readonly<Record<Exclude<NodeEventBody['type'], 'node.failed'>, Phase>> = {
  'node.staging': 'staging',
  'node.staged': 'staged',
  'node.draining': 'draining',
  'node.drained': 'drained',
  'node.stopping': 'stopping',
  'node.stopped': 'stopped',
  'node.activating': 'activating',
  'node.activated': 'activated',
  'node.starting': 'starting',
  'node.started': 'started',
  'node.checking': 'checking',
  'node.healthy': 'healthy',
  'node.joining': 'joining',
  'node.joined': 'joined',
  'node.ramping': 'ramping',
  'node.ramped': 'ramped',
  'node.baking': 'baking',
  'node.baked': 'done',
  'node.pruning': 'pruning',
  'node.pruned': 'pruned',
}

function onNodeEvent(state: DeployState, event: NodeEventBody): DeployState {
  if (event.type === 'node.failed') return onNodeFailed(state, event.node, event.step, event.error)
  const before = progressOf(state, event.node)
  const node = { ...before, ramped: rampedAfter(event.type, before) }
  const phase = shortCut(state, node, phaseAfter[event.type])
  const moved = withNode(state, { ...node, phase, touched: touchedBy(event.type, node) })
  // The floor is checked again before each drain: what was seen before this one no longer counts.
  return event.type === 'node.draining' ? { ...moved, survey: null } : moved
}

/**
 * A parked node stays out once it is healthy; a ramp goes on until its last step; what was put back needs no baking, it
 * served before; and where nothing ran before, the way back ends with nothing running.
 */
function shortCut(state: DeployState, node: NodeProgress, phase: Phase): Phase {
  if (phase === 'healthy' && node.planned.parked) return 'done'
  const isLight = node.ramped < rampOf(state.plan).length
  if (phase === 'ramped' && isLight) return 'ramping'
  if ((phase === 'joined' || phase === 'ramped') && !isLight && state.direction === 'back') return 'done'
  if (phase === 'stopped' && state.direction === 'back' && node.target === null) return 'done'
  return phase
}

function rampedAfter(type: NodeEventBody['type'], { ramped }: NodeProgress): number {
  if (type === 'node.joined') return 0
  return type === 'node.ramped' ? ramped + 1 : ramped
}

function touchedBy(type: NodeEventBody['type'], node: NodeProgress): NodeProgress['touched'] {
  if (type === 'node.stopping') return 'replaced'
  return type === 'node.draining' && node.touched === 'no' ? 'drained' : node.touched
}

function onNodeFailed(
  state: DeployState,
  id: string,
  step: Step,
  error: NonNullable<NodeProgress['failed']>['error'],
): DeployState {
  const node = progressOf(state, id)
  // Old files that could not be removed are no reason to undo a deploy that has succeeded.
  if (step === 'prune') return withNode(state, { ...node, phase: 'pruned', failed: { step, error } })
  const failed = withNode(state, { ...node, phase: 'failed', failed: { step, error } })
  return withTrouble(failed, { reason: `${id} failed to ${step}: ${error.message}`, node: id, error })
}

/** The first trouble is the reason; what follows from it does not replace it. */
function withTrouble(state: DeployState, trouble: Omit<Trouble, 'course'>): DeployState {
  if (state.trouble !== null) return state
  // While files are only being staged nothing was touched: there is nothing for a person to decide.
  const untouched = state.nodes.every((node) => node.touched === 'no')
  const goesBack = state.direction === 'forward' && (state.plan.rollout.onFailure === 'rollback' || untouched)
  return { ...state, trouble: { ...trouble, course: goesBack ? 'back' : 'halt' } }
}

function aborting(state: DeployState, only: readonly string[] | null): DeployState {
  if (state.direction === 'back') return { ...resumed(state, only), backOutcome: 'aborted' }
  const trouble: Trouble = { reason: 'aborted by the operator', node: null, error: null, course: 'back' }
  return { ...state, backOutcome: 'aborted', only, trouble, survey: null, halted: false, outcome: null }
}

/**
 * Goes on, after a crash or a halt. Time has passed: a node that was about to be drained asks for its place again, a ramp
 * begins again, and after a halt what had failed is tried once more from its start.
 */
function resumed(state: DeployState, only: readonly string[] | null): DeployState {
  const nodes = state.nodes.map((node) => {
    const phase = phaseToResume(node, { halted: wasHalted(state), only })
    if (phase !== node.phase) return { ...node, phase, failed: null }
    return phase === 'ramping' ? { ...node, ramped: 0 } : node
  })
  const open = { ...state, nodes, only, survey: null }
  const eased = wasHalted(state) ? { ...open, trouble: null, halted: false, outcome: null } : open
  return advancePastGroups({ ...eased, group: 0 })
}

function wasHalted(state: DeployState): boolean {
  return state.halted || state.outcome === 'halted'
}

function phaseToResume(
  node: NodeProgress,
  { halted, only }: { halted: boolean; only: readonly string[] | null },
): Phase {
  const chosen = only === null || only.includes(node.planned.id)
  if (!chosen && (node.phase === 'waiting' || node.phase === 'staged')) return 'untouched'
  if (node.phase === 'draining') return 'staged'
  if (node.phase !== 'failed' || !halted) return node.phase
  return node.failed?.step === 'stage' ? 'waiting' : 'staged'
}

function surveyIn({ available, serving, weights }: Survey): Survey {
  return { available, serving, ...(weights && { weights }) }
}

function withNode(state: DeployState, node: NodeProgress): DeployState {
  const nodes = state.nodes.slice()
  nodes[state.index.get(node.planned.id)!] = node
  return { ...state, nodes }
}

function advancePastGroups(state: DeployState): DeployState {
  let group = state.group
  while (group < state.groups.length && state.groups[group]!.every((id) => isSettled(progressOf(state, id)))) group += 1
  return group === state.group ? state : { ...state, group }
}
