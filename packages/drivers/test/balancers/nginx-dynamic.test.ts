import { findServer } from '@baton/testkit'
import { describe } from 'vitest'
import { startDynamicNginx } from '../nginx/dynamic-nginx.ts'
import { describeBalancerContract } from './balancer-contract.ts'

/** nginx checks nobody's health, and ends no connection from outside. */
const lacks = ['healthChecks', 'webSockets'] as const

describe.skipIf(findServer('nginx') === null && !process.env.CI)('nginx', () => {
  for (const workers of [1, 4]) {
    describeBalancerContract(`nginx with Lua and ${workers} worker${workers === 1 ? '' : 's'}`, {
      start: (backends) => startDynamicNginx({ backends, workers }),
      lacks,
    })
  }
})
