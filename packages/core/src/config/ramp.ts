import { readDuration } from './duration.ts'
import { mistake, type Reading, show } from './reading.ts'
import type { RampStep } from './types.ts'

export const rampStepPattern = '^(100%|[1-9][0-9]?%( for [0-9]+(ms|s|m|h))?)$'

const usualHoldMs = 10_000

/** Reads `10%` or `10% for 30s`; 100% is the end of a ramp, and takes no time. */
export function readRampStep(raw: unknown): Reading<RampStep> {
  const parts = typeof raw === 'string' ? /^([1-9]\d{0,2})%(?: for (\S+))?$/.exec(raw) : null
  const percent = Number(parts?.[1])
  if (!parts || percent < 1 || percent > 100) {
    const remedy = 'write 1% to 100%, with a time if need be: 10% for 30s'
    return mistake(`must be a share of the weight, not ${show(raw)}`, remedy)
  }
  if (percent === 100) {
    if (parts[2] === undefined) return { value: { percent, holdMs: 0 } }
    return mistake(
      'has a time, and 100% is where the ramp ends',
      'write 100%; rollout.bake watches the node from there',
    )
  }
  if (parts[2] === undefined) return { value: { percent, holdMs: usualHoldMs } }
  const hold = readDuration(parts[2], { leastMs: 1 })
  return 'value' in hold ? { value: { percent, holdMs: hold.value } } : hold
}

/** How long all of a ramp takes at least. */
export function rampMs(ramp: readonly RampStep[]): number {
  return ramp.reduce((sum, { holdMs }) => sum + holdMs, 0)
}
