import type { BatonEvent, Outcome } from '../engine/events.ts'
import { replay } from '../engine/evolve.ts'
import type { Phase } from '../engine/state.ts'
import type { Failure } from '../ports/errors.ts'

/** One deploy in short, as `history`, `report` and `status` show it. */
export interface DeploySummary {
  readonly deploy: string
  readonly kind: 'deploy' | 'rollback'
  readonly release: string
  readonly from: string | null
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly lastAt: string
  /** From the first event to the last. */
  readonly durationMs: number
  /** null: under way, interrupted or cut off. */
  readonly outcome: Outcome | null
  readonly direction: 'forward' | 'back'
  /** What went wrong first; null where nothing did. */
  readonly reason: string | null
  readonly nodes: readonly NodeSummary[]
}

export interface NodeSummary {
  readonly id: string
  readonly phase: Phase
  readonly error: Failure | null
}

/** undefined for a journal without a single whole line. */
export function summarise(events: readonly BatonEvent[]): DeploySummary | undefined {
  const state = replay(events)
  if (state === undefined) return undefined
  return {
    deploy: state.plan.deploy,
    kind: state.plan.kind,
    release: state.plan.release.id,
    from: state.plan.from,
    startedAt: state.startedAt,
    lastAt: state.lastAt,
    durationMs: Date.parse(state.lastAt) - Date.parse(state.startedAt),
    outcome: state.outcome,
    direction: state.direction,
    reason: firstReason(events),
    nodes: state.nodes.map((node) => ({
      id: node.planned.id,
      phase: node.phase,
      error: node.failed?.error ?? firstError(events, node.planned.id),
    })),
  }
}

/** A deploy that has not come to a clean end: `resume` or `abort` must be called before another may begin. */
export function isOpen(summary: Pick<DeploySummary, 'outcome'>): boolean {
  return summary.outcome === null || summary.outcome === 'halted'
}

function firstReason(events: readonly BatonEvent[]): string | null {
  for (const event of events) {
    if (event.type === 'node.failed' && event.step !== 'prune')
      return `${event.node} failed to ${event.step}: ${event.error.message}`
    if (event.type === 'deploy.failed') return event.error.message
    if (event.type === 'deploy.rolling-back' || event.type === 'deploy.halted') return event.reason
  }
  return null
}

function firstError(events: readonly BatonEvent[], node: string): Failure | null {
  for (const event of events) if (event.type === 'node.failed' && event.node === node) return event.error
  return null
}
