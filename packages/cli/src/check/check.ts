import type { BalancerView, Config } from '@baton/core'
import type { Verdict } from './verdict.ts'

/** Where the checks look. */
export interface CheckContext {
  /** The folder of baton.yaml. */
  readonly dir: string
  /** `<dir>/.baton`. */
  readonly stateDir: string
  /** What runs under our own supervision: a port that it holds is not taken. */
  readonly running: {
    /** What the balancer says; null where it does not answer. */
    readonly balancer: BalancerView | null
    /** Ids. */
    readonly nodes: readonly string[]
  }
}

/** One thing to look at. It changes nothing that stays; it may fail and it may hang, which is then its result. */
export interface Check {
  /** Which check it is, for programs: `port`, `command`, `keep-alive`. */
  readonly id: string
  /** What is looked at, for people: `web-1`, `balancer.listen`. Holds no secret. */
  readonly subject: string
  run(signal: AbortSignal): Promise<Verdict | readonly Observation[]>
}

/** One of several things that a check saw, each at its own place. */
export interface Observation extends Verdict {
  readonly id: string
  readonly subject: string
}

/** The checks of one kind that a configuration calls for. */
export type Checks = (config: Config, context: CheckContext) => readonly Check[]
