import type { Draft } from './draft.ts'
import type { Finding } from './finding.ts'
import { readRampStep } from './ramp.ts'
import { mistake } from './reading.ts'

/** A ramp goes up, and ends at 100%. What is wrong with a step alone is told where it is read. */
export function rampFindings(draft: Draft): Finding[] {
  const path = ['rollout', 'ramp']
  const steps = draft.items(path).map((raw) => {
    const read = readRampStep(raw)
    return 'value' in read ? read.value.percent : undefined
  })
  const last = steps.length - 1
  const finding = (index: number, message: string, remedy: string): Finding => ({
    ...mistake(message, remedy),
    path: [...path, String(index)],
    at: 'value',
    ofWhole: true,
  })
  const flat = steps.flatMap((percent, index) => {
    const before = steps[index - 1]
    if (percent === undefined || before === undefined || percent > before) return []
    return [finding(index, `${percent}% after ${before}% is no step up`, 'write the steps in ascending order')]
  })
  const end = steps[last]
  if (end === undefined || end === 100 || flat.some((each) => each.path.at(-1) === String(last))) return flat
  return [...flat, finding(last, `ends the ramp at ${end}%`, 'add 100% as the last step')]
}
