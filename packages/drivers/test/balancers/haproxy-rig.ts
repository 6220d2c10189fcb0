import { join } from 'node:path'
import type { Call, HealthConfig } from '@baton/core'
import { freePorts, type Haproxy, startHaproxy } from '@baton/testkit'
import { createHaproxyBalancer, serverStateFileOf } from '../../src/balancers/haproxy/balancer.ts'
import { renderHaproxy } from '../../src/balancers/haproxy/render.ts'
import type { Backend } from './backend.ts'
import type { BalancerRig } from './balancer-contract.ts'

/** A HAProxy with the configuration that the driver renders, and what a test does to it from outside. */
export interface HaproxyRig extends BalancerRig {
  readonly haproxy: Haproxy
  readonly stateDir: string
}

export interface HaproxyRigOptions {
  readonly masterWorker?: boolean
  /** Of the rendered configuration. */
  readonly edit?: (config: string) => string
}

export const health: HealthConfig = {
  type: 'http',
  path: '/health',
  status: [[200, 399]],
  intervalMs: 50,
  timeoutMs: 2_000,
  rise: 2,
  fall: 2,
  deadlineMs: 60_000,
}

export async function startHaproxyRig(
  backends: readonly Pick<Backend, 'id' | 'host' | 'port' | 'weight'>[],
  { masterWorker = true, edit = (config) => config }: HaproxyRigOptions = {},
): Promise<HaproxyRig> {
  const [port = 0] = await freePorts(1)
  const address = { host: '127.0.0.1', port }
  const haproxy = await startHaproxy({
    masterWorker,
    config: ({ dir, socketPath }) =>
      edit(
        renderHaproxy({
          backend: 'shop',
          socketPath,
          serverStateFile: serverStateFileOf(join(dir, 'baton')),
          nodes: backends.map(({ id, host, port, weight }) => ({ id, address: { host, port }, weight })),
          health,
          listen: address,
        }),
      ),
  })
  const stateDir = join(haproxy.dir, 'baton')
  return {
    haproxy,
    stateDir,
    address,
    adminSocket: haproxy.socketPath,
    connect: () => createHaproxyBalancer({ socketPath: haproxy.socketPath, backend: 'shop', stateDir }),
    kill: () => haproxy.kill(),
    start: () => haproxy.start(),
    close: () => haproxy.stop(),
  }
}

export function call(token = 1, timeoutMs = 15_000): Call {
  return { signal: AbortSignal.timeout(timeoutMs), token }
}
