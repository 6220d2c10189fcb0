import type { Draft } from './draft.ts'
import { formatDuration } from './duration.ts'
import type { Finding, Path } from './finding.ts'
import { rampMs } from './ramp.ts'
import { mistake } from './reading.ts'

/** Times that contradict each other, and checks of HTTP where only TCP is checked. */
export function timingFindings(draft: Draft): Finding[] {
  return [...deadlineFindings(draft), ...progressFindings(draft), ...tcpFindings(draft)]
}

function deadlineFindings({ health: { deadline, timeout, interval, rise } }: Draft): Finding[] {
  if (deadline === undefined) return []
  const limit = formatDuration(deadline)
  if (timeout !== undefined && timeout > deadline) {
    const message = `is longer than health.deadline (${limit}): one slow answer uses it up`
    return [contradiction(['health', 'timeout'], message, `write ${limit} or less, or raise health.deadline`)]
  }
  if (interval === undefined || rise === undefined || interval * (rise - 1) < deadline) return []
  const message = `cannot be kept: ${rise} checks, one every ${formatDuration(interval)}, take longer than ${limit}`
  return [contradiction(['health', 'deadline'], message, 'raise it, or lower health.rise or health.interval')]
}

function progressFindings({
  health: { deadline },
  rollout: { progressDeadline, drainTimeout, bake, ramp },
}: Draft): Finding[] {
  const waits = {
    'rollout.drainTimeout': drainTimeout,
    'health.deadline': deadline,
    'rollout.bake': bake,
    'rollout.ramp': ramp && rampMs(ramp),
  }
  return Object.entries(waits).flatMap(([name, wait]) => {
    if (progressDeadline === undefined || wait === undefined || wait < progressDeadline) return []
    const message = `of ${formatDuration(progressDeadline)} ends before ${name} (${formatDuration(wait)}) does`
    return [contradiction(['rollout', 'progressDeadline'], message, `write more than ${formatDuration(wait)}`)]
  })
}

function tcpFindings(draft: Draft): Finding[] {
  if (draft.health.type !== 'tcp') return []
  return ['path', 'status'].flatMap((name) =>
    draft.has(['health', name])
      ? [contradiction(['health', name], 'is not looked at by type: tcp', 'remove it, or write type: http')]
      : [],
  )
}

function contradiction(path: Path, message: string, remedy: string): Finding {
  return { ...mistake(message, remedy), path, at: 'value', ofWhole: true }
}
