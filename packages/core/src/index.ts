export { formatAddress } from './config/address.ts'
export { configJsonSchema } from './config/json-schema.ts'
export { parseConfig } from './config/parse.ts'
export { type ConfigProblem, formatProblems } from './config/problem.ts'
export { redactUrl } from './config/store.ts'
export type * from './config/types.ts'
export type * from './engine/events.ts'
export { evolve, replay } from './engine/evolve.ts'
export { admits, surveyOf } from './engine/floor.ts'
export { announcement, type Effect, isWait, next, type Ramp, type Wanted } from './engine/next.ts'
export { weightAtJoin } from './engine/ramp.ts'
export { lane, type Orders, type Running, reconcile } from './engine/reconcile.ts'
export {
  type DeployState,
  isOut,
  isSettled,
  type NodeProgress,
  type Phase,
  progressOf,
  type Trouble,
} from './engine/state.ts'
export { makePlan, type Observed, type Wish } from './plan/make.ts'
export type * from './plan/plan.ts'
export type * from './ports/balancer.ts'
export type * from './ports/call.ts'
export type * from './ports/clock.ts'
export { BatonError, type Failure, toFailure } from './ports/errors.ts'
export type * from './ports/journal.ts'
export type * from './ports/lock.ts'
export type * from './ports/node.ts'
export type * from './ports/probe.ts'
export type * from './ports/shell.ts'
export { type Described, describe } from './report/describe.ts'
export { type DeploySummary, isOpen, type NodeSummary, summarise } from './report/summary.ts'
