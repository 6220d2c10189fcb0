import type { Plan } from '../plan/plan.ts'
import type { Failure } from '../ports/errors.ts'

/**
 * What happened, in order: the only history. The terminal, the JSON output, `status`, `history` and `resume` are folds
 * over it. Events that end in -ing announce an act before it is done; the others tell what came of it.
 */
export type BatonEvent = EventStamp & EventBody

export interface EventStamp {
  /** 1, 2, 3 … within a deploy. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly at: string
  /** The deploy's id. */
  readonly deploy: string
}

export type EventBody = DeployEventBody | NodeEventBody

export type DeployEventBody =
  | {
      readonly type: 'deploy.started'
      readonly release: string
      readonly from: string | null
      readonly nodes: readonly string[]
      readonly plan: Plan
    }
  /** The balancer's own word, taken before each drain. */
  | ({ readonly type: 'deploy.surveyed' } & Survey)
  /** The floor does not allow the next drain yet. */
  | { readonly type: 'deploy.waiting'; readonly reason: string }
  /** Something that concerns no single node went wrong: a lost balancer, a deadline. */
  | { readonly type: 'deploy.failed'; readonly error: Failure }
  | { readonly type: 'deploy.rolling-back'; readonly reason: string }
  | { readonly type: 'deploy.halted'; readonly reason: string }
  | { readonly type: 'deploy.interrupted'; readonly signal: string }
  /** `only`: the other nodes, as far as nothing has begun on them, are left as they are; null for all nodes. */
  | { readonly type: 'deploy.resumed'; readonly only: readonly string[] | null }
  | { readonly type: 'deploy.aborting'; readonly only: readonly string[] | null }
  | { readonly type: 'deploy.finished'; readonly outcome: Outcome; readonly durationMs: number }

/** What the balancer says before a drain. */
export interface Survey {
  /** Healthy weight that serves. */
  readonly available: number
  /** Who of the nodes that wait to be drained is part of it. */
  readonly serving: readonly string[]
  /** What those of `serving` weigh whose weight is not the planned one; missing where there are none. */
  readonly weights?: Readonly<Record<string, number>>
}

export type Outcome = 'succeeded' | 'rolled-back' | 'halted' | 'aborted'

export type NodeEventBody = { readonly node: string } & (
  | { readonly type: 'node.staging' }
  | { readonly type: 'node.staged' }
  | { readonly type: 'node.draining' }
  /** `inflight`: what was cut off; null where the balancer does not count, and other evidence told that it is drained. */
  | {
      readonly type: 'node.drained'
      readonly inflight: number | null
      readonly forced: boolean
      readonly waitedMs: number
    }
  | { readonly type: 'node.stopping' }
  | { readonly type: 'node.stopped' }
  | { readonly type: 'node.activating'; readonly release: string }
  | { readonly type: 'node.activated'; readonly release: string }
  | { readonly type: 'node.starting' }
  | { readonly type: 'node.started' }
  | { readonly type: 'node.checking' }
  | { readonly type: 'node.healthy'; readonly checks: number; readonly waitedMs: number }
  | { readonly type: 'node.joining' }
  /** It serves; where there is a ramp, with the weight of its first step. */
  | { readonly type: 'node.joined' }
  /** `weight` is what it is told to weigh, `percent` the share of its planned weight. */
  | { readonly type: 'node.ramping'; readonly percent: number; readonly weight: number }
  /** It served so long at this weight, and stayed healthy. */
  | { readonly type: 'node.ramped'; readonly percent: number; readonly weight: number }
  | { readonly type: 'node.baking' }
  | { readonly type: 'node.baked' }
  | { readonly type: 'node.pruning' }
  | { readonly type: 'node.pruned' }
  | { readonly type: 'node.failed'; readonly step: Step; readonly error: Failure }
)

/** The steps of a node's way through a roll, in their order. */
export type Step = 'stage' | 'drain' | 'stop' | 'activate' | 'start' | 'check' | 'join' | 'ramp' | 'bake' | 'prune'
