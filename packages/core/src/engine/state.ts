import type { Plan, PlannedNode } from '../plan/plan.ts'
import type { Failure } from '../ports/errors.ts'
import type { Outcome, Step, Survey } from './events.ts'

/** A deploy as far as its events tell. Built by `evolve` alone; never changed in place. */
export interface DeployState {
  readonly plan: Plan
  readonly startedAt: string
  readonly lastAt: string
  readonly lastSeq: number
  readonly direction: 'forward' | 'back'
  /** In the plan's order. */
  readonly nodes: readonly NodeProgress[]
  /** Position of a node's id in `nodes`. */
  readonly index: ReadonlyMap<string, number>
  /** Nodes that are out together, in the order of the current direction. */
  readonly groups: readonly (readonly string[])[]
  /** Index of the first group that is not settled. */
  readonly group: number
  /** Why the deploy turns back (or halts) as soon as the steps in hand are done; null while all is well. */
  readonly trouble: Trouble | null
  /** Taken since the last drain began; null when the balancer must be asked again. */
  readonly survey: Survey | null
  /** Nodes that the operator wants to go on with; null for all. */
  readonly only: readonly string[] | null
  /** What a finished way back is called. */
  readonly backOutcome: 'rolled-back' | 'aborted'
  readonly halted: boolean
  /** null while the deploy can go on. */
  readonly outcome: Outcome | null
}

export interface Trouble {
  readonly reason: string
  readonly node: string | null
  readonly error: Failure | null
  /** `back` wherever something can be put back; `halt` leaves it to a person. */
  readonly course: 'back' | 'halt'
}

export interface NodeProgress {
  readonly planned: PlannedNode
  readonly phase: Phase
  /** The release it is on its way to; null where it goes back to nothing: no earlier release is known. */
  readonly target: string | null
  /** What this deploy has done to it so far, and so what a way back has to undo; it only ever grows. */
  readonly touched: 'no' | 'drained' | 'replaced'
  /** Steps of the ramp that it has behind it since it joined. */
  readonly ramped: number
  readonly failed: { readonly step: Step; readonly error: Failure } | null
}

/**
 * Where a node is on its way. The -ing phases are announced in the journal and not yet done: after a crash exactly these
 * are done again. `waiting` needs its files staged, `staged` waits for its turn, `done` is where the way ends (forward or
 * back), `untouched` was never taken out.
 */
export type Phase =
  | 'waiting'
  | 'staging'
  | 'staged'
  | 'draining'
  | 'drained'
  | 'stopping'
  | 'stopped'
  | 'activating'
  | 'activated'
  | 'starting'
  | 'started'
  | 'checking'
  | 'healthy'
  | 'joining'
  | 'joined'
  | 'ramping'
  | 'ramped'
  | 'baking'
  | 'done'
  | 'pruning'
  | 'pruned'
  | 'failed'
  | 'untouched'

export function progressOf(state: DeployState, node: string): NodeProgress {
  const found = state.nodes[state.index.get(node) ?? -1]
  if (found === undefined) throw new RangeError(`the plan has no node ${node}`)
  return found
}

const settledPhases: ReadonlySet<Phase> = new Set(['done', 'failed', 'untouched', 'pruning', 'pruned'])

/** A node that needs nothing more in this direction. */
export function isSettled(node: NodeProgress): boolean {
  return settledPhases.has(node.phase)
}

const outPhases: ReadonlySet<Phase> = new Set([
  'draining',
  'drained',
  'stopping',
  'stopped',
  'activating',
  'activated',
  'starting',
  'started',
  'checking',
  'healthy',
  'joining',
  // A crash makes a ramp begin again, from less: what it weighs on the way is nothing to build on.
  'ramping',
])

/** A node that this deploy has taken out, or is about to: its weight does not count, whatever the balancer still says. */
export function isOut(node: NodeProgress): boolean {
  return outPhases.has(node.phase)
}
