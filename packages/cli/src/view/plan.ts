import type { Plan, RampStep } from '@baton/core'
import { table } from './table.ts'

/** A plan in words: what would happen, in which order, and what to know beforehand. */
export function planLines(plan: Plan): string[] {
  const { rollout, floor } = plan
  const ramp = rollout.ramp ?? []
  const seconds = (ms: number) => `${ms / 1_000} s`
  return [
    `${plan.kind} ${plan.release.id} over ${plan.from ?? 'nothing'}`,
    `  from ${plan.release.source} (${plan.release.kind}, sha256 ${plan.release.sha256.slice(0, 12)}…)`,
    '',
    ...table([
      ['  NODE', 'ADDRESS', 'WEIGHT', 'RUNS NOW', 'BATCH'],
      ...plan.nodes.map((node) => [
        `  ${node.id}`,
        node.address,
        String(node.weight),
        node.from ?? '-',
        String(plan.batches.findIndex((batch) => batch.includes(node.id)) + 1),
      ]),
    ]),
    '',
    `  stage on all nodes, then batch by batch: drain, stop, activate, start, check, join, ${ramp.length > 0 ? 'ramp, ' : ''}bake`,
    `  at least ${floor.weight} of ${floor.of} weight stays in and healthy; drains wait up to ${seconds(rollout.drainTimeoutMs)}, then ${rollout.onDrainTimeout}`,
    ...(ramp.length > 0 ? [`  a node's weight rises: ${ramp.map(rampStep).join(', ')}`] : []),
    `  each batch is watched for ${seconds(rollout.bakeMs)}; on failure: ${rollout.onFailure}`,
    ...plan.warnings.map((warning) => `  warning: ${warning}`),
  ]
}

function rampStep({ percent, holdMs }: RampStep): string {
  return holdMs > 0 ? `${percent}% for ${holdMs / 1_000} s` : `${percent}%`
}
