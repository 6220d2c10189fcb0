import { describeNodeContract } from './node-contract.ts'
import { makeTomcatRig } from './tomcat-rig.ts'

describeNodeContract('tomcat', () => makeTomcatRig())
