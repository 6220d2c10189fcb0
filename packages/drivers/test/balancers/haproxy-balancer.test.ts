import { findServer, needServer } from '@baton/testkit'
import { test } from 'vitest'
import { describeBalancerContract } from './balancer-contract.ts'
import { startHaproxyRig } from './haproxy-rig.ts'

test('is tried with a real HAProxy', (context) => {
  needServer('haproxy', context)
})

if (findServer('haproxy') !== null) {
  // It closes long-lived connections only together with all others, and so not at all.
  describeBalancerContract('HAProxy', { start: (backends) => startHaproxyRig(backends), lacks: ['webSockets'] })
}
