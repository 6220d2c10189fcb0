import { join } from 'node:path'
import type { Balancer, Call, Clock, Config, HealthConfig, Journals, Lock, Node, NodeConfig, Probe } from '@baton/core'
import { BatonError } from '@baton/core'
import {
  createCommandNode,
  createFileJournals,
  createFileLock,
  createHttpProbe,
  createLocalShell,
  createProcessNode,
  createSystemClock,
  createTcpProbe,
  createTomcatNode,
  type TomcatOptions,
} from '@baton/drivers'
import { createBalancer } from './balancers.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

/** The configuration with its drivers: the one place where the parts are put together. */
export interface Wiring extends Workspace {
  readonly balancer: Balancer
  readonly nodes: ReadonlyMap<string, { readonly node: Node; readonly probe: Probe }>
  readonly journals: Journals
  readonly lock: Lock
  readonly clock: Clock
  /** From here on, whoever held the lock before can change neither the balancer nor a node. */
  fence(call: Call): Promise<void>
}

export async function openWiring(configFile: string): Promise<Wiring> {
  return wire(await openWorkspace(configFile))
}

function wire(workspace: Workspace): Wiring {
  const { config, stateDir } = workspace
  const clock = createSystemClock()
  const lock = createFileLock({ dir: join(stateDir, 'lock'), clock })
  const balancer = createBalancer(workspace)
  const nodes = new Map(
    config.nodes.map((node) => [
      node.id,
      { node: createNode(node, workspace, lock), probe: createProbe(node, config.health) },
    ]),
  )
  return {
    ...workspace,
    balancer,
    nodes,
    journals: createFileJournals({ dir: join(stateDir, 'deploys') }),
    lock,
    clock,
    async fence(call) {
      await balancer.fence(call)
      await Promise.all([...nodes.values()].map(({ node }) => node.fence(call)))
    },
  }
}

/** What apps get as BATON_SESSION_STORE: on one host a folder beside the state, shared by all nodes. */
export function sessionStoreUrl(config: Config, stateDir: string): string {
  return config.sessions.store === 'embedded' ? `lmdb:${join(stateDir, 'sessions')}` : config.sessions.store
}

/** A node with driver `tomcat`, as its driver and `baton up` are told of it; null for any other. */
export function tomcatOptions({ id, address, app }: NodeConfig, { config, stateDir }: Workspace): TomcatOptions | null {
  if (app.driver !== 'tomcat') return null
  const { listen } = config.balancer
  return {
    id,
    address,
    app,
    dir: join(stateDir, 'nodes', id),
    sessions: config.sessions,
    // Below what a roll gives a step, so that a slow start is the health check's to judge.
    readyWithinMs: Math.min(config.health.deadlineMs, longestStartMs),
    ...(listen === null ? {} : { clientPort: listen.port }),
  }
}

const longestStartMs = 150_000

function createNode(node: NodeConfig, workspace: Workspace, lock: Lock): Node {
  const { dir, stateDir } = workspace
  const tomcat = tomcatOptions(node, workspace)
  if (tomcat !== null) return createTomcatNode({ ...tomcat, assertHeld: (token) => assertHeld(lock, token) })
  if (node.app.driver !== 'command') return createProcessNode({ id: node.id, stateDir })
  return createCommandNode({
    id: node.id,
    address: node.address,
    app: node.app,
    dir: join(stateDir, 'nodes', node.id),
    cwd: dir,
    shell: createLocalShell(),
    assertHeld: (token) => assertHeld(lock, token),
  })
}

async function assertHeld(lock: Lock, token: number): Promise<void> {
  const holder = await lock.holder()
  if (holder?.token === token) return
  throw new BatonError('stale-token', `token ${token} is no longer the newest: somebody else holds the lock`, {
    hint: 'this run changes nothing any more; `baton status` shows what goes on',
  })
}

function createProbe(node: NodeConfig, health: HealthConfig): Probe {
  const { host, port } = node.address
  return health.type === 'tcp'
    ? createTcpProbe({ host, port, timeoutMs: health.timeoutMs })
    : createHttpProbe({ host, port, path: health.path, statuses: health.status, timeoutMs: health.timeoutMs })
}
