import { join } from 'node:path'
import { type Balancer, BatonError } from '@baton/core'
import type { ProcessIdentity } from '../../shells/local/identity.ts'
import { assertDone, type HaproxyProcess } from './answers.ts'
import { type Backend, nodeView, readBackend, type Server } from './backend.ts'
import { assertName } from './name.ts'
import { ordersFor, parkingOrder } from './orders.ts'
import { countOthers, identifyHaproxy } from './processes.ts'
import { askHaproxy } from './runtime-socket.ts'
import { saveServerState } from './server-state.ts'
import { createWantedFiles, type Wanted, type WantedNode } from './wanted.ts'

export interface HaproxyBalancerOptions {
  /** The unix socket of the runtime API, of level admin. */
  readonly socketPath: string
  /** Its servers are named like the nodes. */
  readonly backend: string
  /** A folder of this balancer's own: what is wanted of HAProxy, and the newest token. */
  readonly stateDir: string
}

/**
 * HAProxy, over its runtime API. It keeps the order to stay out only until it is reloaded or restarted, and knows no
 * tokens: both are kept in `stateDir`, and every call first looks whether HAProxy is the same process still. If not,
 * everything that is wanted is applied again before anything else is done or reported. Until then HAProxy itself starts with
 * the states that `serverStateFileOf` names.
 *
 * While another process of the same HAProxy still has requests of before a reload, a node that is out counts one more in
 * flight for each of them: which node they are at, HAProxy does not tell.
 *
 * Fails with `balancer-unreachable`, `stale-token`, `unknown-node`, `unknown-backend`, and `balancer-refused` with HAProxy's
 * own words.
 */
export function createHaproxyBalancer({ socketPath, backend, stateDir }: HaproxyBalancerOptions): Balancer {
  const socket = { path: socketPath }
  assertName(backend, 'the backend')
  const files = createWantedFiles(stateDir)

  /** Writes down what `change` makes of what is wanted. HAProxy is asked first: who cannot reach it leaves no order behind. */
  async function record(signal: AbortSignal, change: (wanted: Wanted, found: Backend) => Wanted): Promise<void> {
    for (;;) {
      const found = await readBackend(socket, backend, { signal })
      const wanted = await files.read()
      const next = change(wanted, found)
      if (next === wanted || (await files.replace(wanted, next))) return
    }
  }

  /** Makes HAProxy what is wanted, if it is not, and returns what it says then. */
  async function settle(signal: AbortSignal): Promise<Settled> {
    // What was told to a server stands in doubt until it is known that nobody wanted something newer meanwhile.
    const doubtful = new Set<string>()
    for (;;) {
      const found = await readBackend(socket, backend, { signal })
      const wanted = await files.read()
      const unseen = await countOthers(found.process.pid, wanted.processes)
      const isApplied = wanted.version === 0 || wanted.generation === generationOf(found.process)
      const orders = found.servers.flatMap((server) => {
        const node = wanted.nodes[server.name]
        if (node === undefined) return []
        const { name: id, inflight } = server
        if (!isApplied || node.isPending || doubtful.has(id)) {
          return [{ id, commands: ordersFor(server, { wanted: node, backend }) }]
        }
        const commands = node.admin === 'out' && inflight + unseen === 0 ? parkingOrder(server, backend) : []
        return commands.length === 0 ? [] : [{ id, commands }]
      })
      if (orders.length === 0 && isApplied) return { found, unseen }
      for (const { id } of orders) doubtful.add(id)
      const commands = orders.flatMap((order) => order.commands)
      if (!(await tell(commands, { wanted, signal }))) continue
      if (await files.replace(wanted, await applied(wanted, found.process))) doubtful.clear()
    }
  }

  /** False, and nothing told, where something newer is wanted already. */
  async function tell(commands: readonly string[], { wanted, signal }: { wanted: Wanted; signal: AbortSignal }) {
    const isWanted = () => files.isNewest(wanted)
    for (let start = 0; start < commands.length; start += COMMANDS_AT_ONCE) {
      const part = commands.slice(start, start + COMMANDS_AT_ONCE)
      const answers = await askHaproxy(socket, part, { signal, isWanted })
      if (answers === null) return false
      for (const [index, command] of part.entries()) assertDone(command, answers[index] ?? '')
    }
    const [states = ''] = (await askHaproxy(socket, [`show servers state ${backend}`], { signal })) ?? []
    await saveServerState(serverStateFileOf(stateDir), states)
    return true
  }

  /** Under the newest token or none at all; `node` must be a server. */
  function admit(token: number, { wanted, found, node }: { wanted: Wanted; found: Backend; node?: string }): void {
    if (token < wanted.token) {
      throw new BatonError('stale-token', `lock token ${token} is outdated: ${wanted.token} has been seen`, {
        hint: 'another deploy has taken over: baton status',
      })
    }
    if (node !== undefined) serverIn(found, node)
  }

  function serverIn(found: Backend, id: string): Server {
    const server = found.servers.find(({ name }) => name === id)
    if (server !== undefined) return server
    const names = found.servers.map(({ name }) => name).join(', ')
    throw new BatonError(
      'unknown-node',
      `backend ${backend} of the running HAProxy has no server ${id}, only ${names}`,
      {
        hint: `name a server ${id} in backend ${backend} and reload HAProxy: baton balancer config prints the line`,
      },
    )
  }

  return {
    driver: 'haproxy',
    // Long-lived connections could only be closed together with every other request of the node.
    supports: { inflight: true, weights: true, closeLongLived: false, metrics: true },

    async inspect({ signal }) {
      const { found, unseen } = await settle(signal)
      return {
        generation: generationOf(found.process),
        nodes: found.servers.map((server) => nodeView(server, { unseen })),
      }
    },

    async set(node, { admin, weight }, { signal, token }) {
      assertWeight(weight)
      await record(signal, (wanted, found) => {
        admit(token, { wanted, found, node })
        const before = wanted.nodes[node]?.weight ?? null
        const next: WantedNode = { admin, weight: weight ?? before, isPending: true }
        return { ...wanted, token, nodes: { ...wanted.nodes, [node]: next } }
      })
      await settle(signal)
    },

    async closeLongLived(node, { signal, token }) {
      await record(signal, (wanted, found) => {
        admit(token, { wanted, found, node })
        return token === wanted.token ? wanted : { ...wanted, token }
      })
      const { found } = await settle(signal)
      if (serverIn(found, node).inflight === 0) return
      throw new BatonError('unsupported', `HAProxy cannot tell long-lived connections of ${node} from other requests`, {
        hint: 'set rollout.onDrainTimeout: force to cut off what outlives the drain deadline when the app stops',
      })
    },

    async fence({ signal, token }) {
      await record(signal, (wanted, found) => {
        admit(token, { wanted, found })
        return token === wanted.token ? wanted : { ...wanted, token }
      })
      await settle(signal)
    },

    async metrics(node, { signal }) {
      return serverIn((await settle(signal)).found, node).metrics
    },
  }
}

/** Where HAProxy finds, when it starts, which nodes are out. */
export function serverStateFileOf(stateDir: string): string {
  return join(stateDir, 'servers.state')
}

interface Settled {
  readonly found: Backend
  /** Other processes of this HAProxy that still run. */
  readonly unseen: number
}

/** A line of commands must fit into HAProxy's buffer (tune.bufsize, 16 KiB), whatever the names. */
const COMMANDS_AT_ONCE = 50
const HEAVIEST = 256

function generationOf({ pid, startedAtSec }: HaproxyProcess): string {
  return `${pid}@${startedAtSec}`
}

async function applied(wanted: Wanted, process: HaproxyProcess): Promise<Wanted> {
  const nodes = Object.entries(wanted.nodes).map(([id, node]) => [id, { ...node, isPending: false }] as const)
  return {
    ...wanted,
    generation: generationOf(process),
    nodes: Object.fromEntries(nodes),
    processes: await withProcess(wanted.processes, process.pid),
  }
}

/** The few last ones: who of them still lives is looked at each time. */
async function withProcess(known: readonly ProcessIdentity[], pid: number): Promise<readonly ProcessIdentity[]> {
  const process = await identifyHaproxy(pid)
  return process === null ? known : [process, ...known.filter((each) => each.pid !== pid)].slice(0, 8)
}

function assertWeight(weight: number | undefined): void {
  if (weight === undefined || (Number.isSafeInteger(weight) && weight >= 1 && weight <= HEAVIEST)) return
  throw new BatonError('invalid-weight', `HAProxy takes weights from 1 to ${HEAVIEST}, not ${weight}`, {
    hint: 'lower the weights in baton.yaml: only their proportions count',
  })
}
