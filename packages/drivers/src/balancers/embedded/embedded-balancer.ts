import type { Balancer } from '@baton/core'
import { createAdminApiBalancer } from '../../admin-api/balancer.ts'

export interface EmbeddedBalancerOptions {
  /** The unix socket of the balancer's admin API. */
  readonly socketPath: string
}

/** The balancer that `baton up` runs, through its public admin API. */
export function createEmbeddedBalancer({ socketPath }: EmbeddedBalancerOptions): Balancer {
  return createAdminApiBalancer({
    driver: 'embedded',
    supports: { inflight: true, weights: true, closeLongLived: true, metrics: true },
    socketPath,
    hints: {
      unreachable: 'run baton up',
      forbidden: 'run this as the user who ran baton up',
      outdated: 'run baton up again',
    },
  })
}
