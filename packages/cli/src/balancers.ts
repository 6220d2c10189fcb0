import { join } from 'node:path'
import type { Balancer, HaproxyBalancerConfig, NginxBalancerConfig } from '@baton/core'
import {
  createEmbeddedBalancer,
  createHaproxyBalancer,
  createNginxDynamicBalancer,
  createNginxReloadBalancer,
  type HaproxyRendering,
  type NginxReloadInstallOptions,
  serverStateFileOf,
} from '@baton/drivers'
import type { Workspace } from './workspace.ts'

/** The driver of the balancer that baton.yaml names. */
export function createBalancer(workspace: Workspace): Balancer {
  const { balancer } = workspace.config
  switch (balancer.driver) {
    case 'embedded':
      return createEmbeddedBalancer({ socketPath: balancerSocket(workspace.stateDir) })
    case 'nginx':
      return balancer.mode === 'dynamic'
        ? createNginxDynamicBalancer(nginxOptions(balancer, workspace))
        : createNginxReloadBalancer(nginxOptions(balancer, workspace))
    case 'haproxy': {
      const { socket, backend } = balancer
      return createHaproxyBalancer({ socketPath: socket, backend, stateDir: haproxyState(workspace) })
    }
  }
}

/** Where the embedded balancer's admin API listens. */
export function balancerSocket(stateDir: string): string {
  return join(stateDir, 'balancer.sock')
}

type Place = Pick<Workspace, 'config' | 'stateDir'>

/** What both modes of nginx are told; where its socket and state are is `balancer.state`, or below ours. */
export function nginxOptions(
  { command, include, listen, state }: NginxBalancerConfig,
  { config, stateDir }: Place,
): NginxReloadInstallOptions {
  const { name, nodes } = config
  return { name, command, include, listen, stateDir: state ?? join(stateDir, 'nginx'), nodes }
}

/** What HAProxy has to be configured with. */
export function haproxyRendering(
  { socket, backend, listen }: HaproxyBalancerConfig,
  workspace: Place,
): HaproxyRendering {
  const { nodes, health } = workspace.config
  return {
    backend,
    socketPath: socket,
    serverStateFile: serverStateFileOf(haproxyState(workspace)),
    nodes,
    health,
    listen,
  }
}

function haproxyState({ stateDir }: Place): string {
  return join(stateDir, 'haproxy')
}
