import type { DeployEventBody } from './events.ts'
import { type Effect, isWait, next } from './next.ts'
import type { DeployState } from './state.ts'

/** What runs now, by `lane`: each node, and the survey, does one thing at a time. */
export type Running = ReadonlyMap<string, Effect>

export interface Orders {
  readonly start: readonly Effect[]
  readonly cancel: readonly Effect[]
  /** To be written down now; only ever set while nothing runs. */
  readonly record: DeployEventBody | null
}

/** The difference between what is wanted and what runs. With `interrupted` nothing new begins and waits are cut short. */
export function reconcile(state: DeployState, running: Running, mode: 'go-on' | 'interrupted'): Orders {
  const wanted = next(state)
  const effects = mode === 'interrupted' ? [] : wanted.effects
  const cancel: Effect[] = []
  for (const effect of running.values()) {
    if (isWait(effect) && !effects.some((each) => each.type === effect.type && lane(each) === lane(effect)))
      cancel.push(effect)
  }
  return {
    start: effects.filter((effect) => !running.has(lane(effect))),
    cancel,
    record: running.size === 0 && mode === 'go-on' ? wanted.record : null,
  }
}

/** Effects in the same lane never run at the same time. */
export function lane(effect: Effect): string {
  return effect.type === 'survey' ? '?survey' : effect.node
}
