import { join } from 'node:path'
import { repository } from '@baton/testkit'
import { openRig, type Rig, type RigOptions } from '../rig.ts'

/** The source of every release on a light rig; releases differ by their ids alone. */
export const lightSource = join(repository, 'e2e/crashes/app')

/** A rig whose app starts in a moment, and whose rolls are quick: for stories of many rolls. */
export function openLightRig(options: Omit<RigOptions, 'source' | 'command'>): Promise<Rig> {
  return openRig({
    source: lightSource,
    health: '{ path: /health, interval: 50ms, timeout: 2s, rise: 2, fall: 3, deadline: 30s }',
    rollout: '{ batch: 1, minAvailable: 50%, drainTimeout: 30s, bake: 200ms }',
    ...options,
  })
}
