import type { Balancer, Call, Clock, DeployEventBody, DeployState, Node, NodeView, Probe } from '@baton/core'
import { BatonError } from '@baton/core'
import { withDeadline } from '../deadline.ts'

/** What an effect may use. One for each effect under way. */
export interface EffectContext {
  /** The deploy as it stands at this moment. */
  readonly state: () => DeployState
  readonly balancer: Balancer
  readonly node: (id: string) => RollNode
  readonly clock: Clock
  readonly health: RollHealth
  /** Aborts when the effect is no longer wanted, or the lock is lost. */
  readonly signal: AbortSignal
  readonly token: number
  /** Writes down something worth knowing that is not yet the outcome. */
  readonly note: (event: DeployEventBody) => Promise<void>
}

export interface RollNode {
  readonly node: Node
  readonly probe: Probe
}

export interface RollHealth {
  readonly intervalMs: number
  readonly rise: number
  readonly fall: number
  readonly deadlineMs: number
}

/** No single call of a driver may take longer: what waits is the effect, in steps. */
const callDeadlineMs = 20_000

/** Calls a driver, with a deadline of the call's own within the effect's life. */
export function bounded<T>(
  context: EffectContext,
  work: (call: Call) => Promise<T>,
  deadlineMs: number = callDeadlineMs,
): Promise<T> {
  const { signal, token } = context
  return withDeadline({ signal, deadlineMs }, (limited) => work({ signal: limited, token }))
}

/** Fails when the app has ended by itself since it was started, with its last words. */
export async function assertNotCrashed(context: EffectContext, id: string): Promise<NodeView> {
  const { node } = context.node(id)
  const view = await bounded(context, (call) => node.inspect(call))
  if (view.process !== 'crashed' && view.restarts === 0) return view
  const how = view.lastExit === null ? '' : ` (${view.lastExit})`
  throw new BatonError('app-crashed', `the app on ${id} ended by itself${how}`, {
    hint: `see the log of ${id}; the last lines are shown here`,
    log: await node.logTail(20),
  })
}
