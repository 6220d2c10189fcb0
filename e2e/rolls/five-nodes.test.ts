import { onTestFinished, test } from 'vitest'
import { openRig } from '../rig.ts'
import { rollsOr, rollUnderTraffic } from './under-traffic.ts'

test('rolls in a row over five nodes, two at a time: no request fails, none is lost or doubled, nobody is logged out', {
  timeout: 600_000,
}, async () => {
  const rig = await openRig({ nodes: 5, rollout: '{ batch: 2, minAvailable: 50%, bake: 300ms }' })
  onTestFinished(rig.remove)
  await rollUnderTraffic(rig, { rolls: rollsOr(3) })
})
