import { BatonError, type Outcome } from '@baton/core'

/** What `baton` ends with. Scripts rely on these: see docs/cli.md. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  halted: 3,
  locked: 4,
  interrupted: 130,
} as const

const byErrorCode: Readonly<Record<string, number>> = {
  usage: exitCodes.usage,
  'config-invalid': exitCodes.usage,
  'config-missing': exitCodes.usage,
  'config-exists': exitCodes.usage,
  'unknown-node': exitCodes.usage,
  'unknown-deploy': exitCodes.usage,
  'unknown-release': exitCodes.usage,
  'release-id-invalid': exitCodes.usage,
  'release-source-missing': exitCodes.usage,
  'release-source-unsupported': exitCodes.usage,
  'tomcat-base-unknown': exitCodes.usage,
  'deploy-open': exitCodes.halted,
  'lock-held': exitCodes.locked,
  'lock-lost': exitCodes.locked,
  // A balancer, a node or a journal has seen a newer holder of the lock before this one knew of it.
  'stale-token': exitCodes.locked,
}

export function exitCodeOf(error: unknown): number {
  return (error instanceof BatonError ? byErrorCode[error.code] : undefined) ?? exitCodes.failed
}

/** null: interrupted, to be resumed. An abort that put everything back did what it was asked to. */
export function exitCodeFor(outcome: Outcome | null, verb: 'roll' | 'abort'): number {
  switch (outcome) {
    case null:
      return exitCodes.interrupted
    case 'succeeded':
      return exitCodes.done
    case 'rolled-back':
      return exitCodes.failed
    case 'aborted':
      return verb === 'abort' ? exitCodes.done : exitCodes.failed
    case 'halted':
      return exitCodes.halted
  }
}
