import { join } from 'node:path'
import { makeSupervisedRig } from '../supervisor/rig.ts'
import { describeNodeContract } from './node-contract.ts'

describeNodeContract('process', async () => {
  const rig = await makeSupervisedRig()
  await rig.upHere()
  return { ...rig, nodeDir: join(rig.stateDir, 'nodes', 'web-1') }
})
