import type { Balancer } from '@baton/core'
import { createAdminApiBalancer } from '../../../admin-api/balancer.ts'
import { statePaths } from '../paths.ts'
import { whileTaking } from '../take-socket.ts'

export interface NginxDynamicBalancerOptions {
  /** Absolute path of the folder of nginx's socket and state file. */
  readonly stateDir: string
}

/** nginx with Baton's Lua code in it: no change reloads it. */
export function createNginxDynamicBalancer({ stateDir }: NginxDynamicBalancerOptions): Balancer {
  const balancer = createAdminApiBalancer({
    driver: 'nginx',
    // nginx ends no request from outside: what is long-lived is waited for until the drain's deadline, no longer.
    supports: { inflight: true, weights: true, closeLongLived: false, metrics: true },
    socketPath: statePaths(stateDir).adminSocket,
    hints: {
      unreachable: 'start nginx, and run baton balancer install if that has not been done: baton check',
      forbidden: "run this as root, or as the user of nginx's workers",
      outdated: 'run baton balancer install',
    },
  })
  const taken = <T>(ask: () => Promise<T>) => whileTaking(stateDir, ask)
  return {
    ...balancer,
    inspect: (call) => taken(() => balancer.inspect(call)),
    set: (node, wanted, call) => taken(() => balancer.set(node, wanted, call)),
    closeLongLived: (node, call) => taken(() => balancer.closeLongLived(node, call)),
    fence: (call) => taken(() => balancer.fence(call)),
    metrics: (node, call) => taken(() => balancer.metrics(node, call)),
  }
}
