import { BatonError } from '@baton/core'
import { expect, it } from 'vitest'
import { exitCodeOf } from '../src/exit-code.ts'

it.each(['lock-held', 'lock-lost', 'stale-token'])('is 4 where somebody else has the lock: %s', (code) => {
  expect(exitCodeOf(new BatonError(code, 'somebody else has it'))).toBe(4)
})

it('is 1 for what has no code of its own', () => {
  expect(exitCodeOf(new BatonError('balancer-unreachable', 'nobody answers'))).toBe(1)
  expect(exitCodeOf(new Error('a fault'))).toBe(1)
})
