import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeServer } from '../admin/close-server.ts'
import { type Control, createControl, nodesToStart, toSave } from '../admin/control.ts'
import { createMetricsText } from '../admin/metrics-text.ts'
import { type AdminBackend, createAdminServer } from '../admin/server.ts'
import {
  listenPrivately,
  ownSocketPath,
  publishSocket,
  refuseForeignFile,
  withdrawSocket,
} from '../admin/socket-path.ts'
import { ProxyError } from '../errors.ts'
import { monitorHealth } from '../health/monitor.ts'
import { createDataPlane, type DataPlane } from '../http/proxy.ts'
import { readState, sweepTemporaries, writeState } from '../state/state-file.ts'
import { createTable, type Table } from '../table/table.ts'
import { fingerprint, type ProxyConfig, parseProxyConfig } from './config.ts'
import { type Address, handleOf, listen, type SocketHandle } from './listening-socket.ts'
import { findPeers, type Peer } from './peers.ts'
import { createPredecessors } from './predecessors.ts'
import { spawnProxy } from './spawn.ts'
import { beginHandOver, type HandOver } from './succession.ts'
import { throttleLog } from './throttle.ts'

export interface StartOptions {
  /** A bound socket to listen on, instead of binding the configured address. */
  readonly listening?: SocketHandle
  /** Take the place of the process that runs at this admin path: no connection is refused, no request forgotten. */
  readonly replace?: boolean
  readonly log?: (line: string) => void
}

export interface RunningProxy {
  /** Where clients connect; the real port where the configuration says 0. */
  readonly address: Address
  /** Stops accepting, lets what is in flight finish for so long (default: the configured grace), then cuts it. The first call decides. */
  stop(options?: { readonly graceMs?: number | undefined }): Promise<void>
  /** Resolves when it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>
}

const defaultStopGraceMs = 30_000
const defaultPassiveFailures = 3
/** How long clients without a request in flight may still send one, where nothing takes this process' place. */
const idleGraceMs = 1_000
const lingerMs = 100

/**
 * Runs the balancer in this process. Fails with `config-invalid`, `already-running`, `listen-failed`, `state-damaged`,
 * `state-unwritable`, `admin-path-too-long`, `admin-path-taken` or `hand-over-failed`; then nothing is left behind, and
 * a process that was to be replaced goes on.
 */
export async function startProxy(configuration: ProxyConfig, options: StartOptions = {}): Promise<RunningProxy> {
  const config = parseProxyConfig(configuration, 'what startProxy was given')
  const log = options.log ?? (() => {})
  refuseForeignFile(config.admin)
  // Read again after the hand-over; this tells of a damaged file before anything is touched.
  await readState(config.state)
  const peers = await findPeers(config.admin)
  const old = peers.find((peer) => peer.inCharge)
  if (old !== undefined && (options.replace !== true || old.pid === process.pid)) {
    throw new ProxyError(
      'already-running',
      `the balancer is already running as process ${old.pid}, with its admin API at ${config.admin}: stop it first, or let it be`,
    )
  }

  const ownSocket = ownSocketPath(config.admin, process.pid)
  let open: (backend: AdminBackend) => void = () => {}
  const adminServer = createAdminServer(new Promise((resolve) => (open = resolve)), log)
  let clients: Server | undefined
  let handOver: HandOver | undefined
  try {
    await listenPrivately(adminServer, ownSocket)
    if (old !== undefined) handOver = await beginHandOver(old, ownSocket)
    const core = await createCore({ config, log, peers, down: handOver?.down ?? [] })
    clients = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => core.dataPlane.accept(socket))
    await listen(clients, { ...config.listen, ...(options.listening ? { handle: options.listening } : {}) })
    const running = run({ config, log, core, clients, adminServer, ownSocket, open })
    if (handOver !== undefined) {
      await handOver.retire({ graceMs: config.stopGraceMs ?? defaultStopGraceMs }).catch((error) => log(String(error)))
    }
    return running
  } catch (error) {
    handOver?.abandon()
    clients?.close()
    adminServer.close()
    adminServer.closeAllConnections()
    throw error
  }
}

interface Core {
  readonly table: Table
  readonly control: Control
  readonly dataPlane: DataPlane
}

/** What is left of the process before, brought back to life. Nothing is accepted or checked yet. */
async function createCore(from: {
  readonly config: ProxyConfig
  readonly log: (line: string) => void
  readonly peers: readonly Peer[]
  readonly down: readonly string[]
}): Promise<Core> {
  const { config, log, peers, down } = from
  const state = await readState(config.state)
  const nodes = nodesToStart(config.nodes, state)
  const table = createTable({
    nodes,
    passiveFailures: config.passiveFailures ?? defaultPassiveFailures,
    onHealth: (id, healthy, reason) => log(`node ${id} is ${healthy ? 'up' : 'down'} (${reason} check)`),
  })
  for (const id of down) if (table.has(id)) table.setHealthy(id, false)
  await sweepTemporaries(config.state)
  await writeState(config.state, { fence: state.fence, nodes: toSave(nodes, config.nodes) })
  const predecessors = createPredecessors(peers.map((peer) => peer.socket))
  const control = createControl({
    nodes: config.nodes,
    table,
    stateFile: config.state,
    fence: state.fence,
    predecessors,
  })
  const dataPlane = createDataPlane({
    balancing: table,
    log: throttleLog(log, { most: 50, everyMs: 10_000 }),
    ...(config.limits === undefined ? {} : { limits: config.limits }),
    ...(config.trustForwarded === undefined ? {} : { trustForwarded: config.trustForwarded }),
  })
  return { table, control, dataPlane }
}

/** From the moment when this process is in charge. */
function run(parts: {
  readonly config: ProxyConfig
  readonly log: (line: string) => void
  readonly core: Core
  readonly clients: Server
  readonly adminServer: ReturnType<typeof createAdminServer>
  readonly ownSocket: string
  readonly open: (backend: AdminBackend) => void
}): RunningProxy {
  const { config, log, core, clients, adminServer, ownSocket, open } = parts
  const { table, control, dataPlane } = core
  publishSocket(config.admin, ownSocket)
  const monitor = monitorHealth(config.nodes, table, config.health)
  const startedAt = new Date()
  const bound = clients.address()
  const address = {
    host: config.listen.host,
    port: bound !== null && typeof bound === 'object' ? bound.port : config.listen.port,
  }
  let successor: string | undefined
  let stopping: Promise<void> | undefined
  const endOfLife = new AbortController()
  let settle: () => void = () => {}
  const stopped = new Promise<void>((resolve) => (settle = resolve))

  open({
    control,
    metricsText: createMetricsText({
      nodes: () => control.view('all'),
      metrics: table.metrics,
      connections: dataPlane.connections,
    }),
    metrics: table.metrics,
    identity: () => ({
      name: config.name,
      pid: process.pid,
      generation: `${startedAt.getTime().toString(36)}-${process.pid}`,
      startedAt: startedAt.toISOString(),
      phase: stopping !== undefined ? 'stopping' : successor !== undefined ? 'handed-over' : 'serving',
      listen: address,
      fingerprint: fingerprint(config),
    }),
    stop,
    endOfLife: endOfLife.signal,
    successor: () => successor,
    async handOver(to) {
      if (successor !== undefined || stopping !== undefined) throw new ProxyError('bad-request', 'already replaced')
      successor = to
      await control.handOver()
      return table
        .view()
        .filter((node) => !node.healthy)
        .map((node) => node.id)
    },
    async takeBack() {
      if (successor === undefined || stopping !== undefined) return
      log('the process that was to replace this one has died: going on')
      // What it has changed was passed on to this process as well: without the file, memory is as good.
      await control.takeBack().catch((error) => log(String(error)))
      successor = undefined
      publishSocket(config.admin, ownSocket)
    },
    async spawnSuccessor(succession) {
      const spawned = spawnProxy({ ...succession, listening: handleOf(clients), replace: true })
      spawned.ready.catch((error) => log(String(error))).finally(() => spawned.release())
      return spawned.pid
    },
  })
  log(`listening on ${address.host}:${address.port}`)
  return { address, stop, stopped }

  function stop({ graceMs = config.stopGraceMs ?? defaultStopGraceMs }: { graceMs?: number | undefined } = {}) {
    stopping ??= wind(graceMs)
    return stopping
  }

  async function wind(graceMs: number): Promise<void> {
    log(`stopping, with ${dataPlane.inflight()} in flight`)
    clients.close()
    // With a successor, clients are not to notice; without, new connections are refused, and waiting for idle ones serves nobody.
    await dataPlane.drain({ graceMs, idleMs: successor === undefined ? Math.min(idleGraceMs, graceMs) : graceMs })
    monitor.stop()
    withdrawSocket(config.admin, ownSocket)
    // Whoever asked for the admin API just before it became the successor's is still to be answered.
    if (successor !== undefined) await sleep(lingerMs)
    endOfLife.abort()
    await closeServer(adminServer)
    settle()
  }
}
