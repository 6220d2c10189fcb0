import { type Balancer, type BalancerNodeView, BatonError, type Call } from '@baton/core'
import { isAlive, type ProcessIdentity } from '../../../shells/local/identity.ts'
import { applyFile } from '../apply.ts'
import { headerOf, newGeneration } from '../generation.ts'
import { targetOf } from '../install.ts'
import { masterOf, workersOf } from '../workers.ts'
import { hasConnectionTo } from './connections.ts'
import type { NginxReloadOptions } from './install.ts'
import { askNginx, isSame, type LiveConfiguration, type LiveNode } from './live.ts'
import { minTimeoutSeconds, renderReloadFile } from './render.ts'
import { minTimeoutMs, settle } from './settle.ts'
import { createStateFile, type ReloadNode, type ReloadState } from './state.ts'

/**
 * Any nginx, changed as everybody does it: the upstream is written anew and nginx reloads. It cannot tell what is in
 * flight: a node is drained once every worker that had it in its upstream is gone and nothing on this machine is connected
 * to it. A reload closes idle client connections, and a client that is just using one again sees it cut: mode: dynamic does
 * not. Linux only, in the same container or host as nginx.
 *
 * Fails with `not-supported` where an ability is missing, `nginx-not-installed`, and as `applyFile` does.
 */
export function createNginxReloadBalancer(options: NginxReloadOptions): Balancer {
  const { name, stateDir, listen } = options
  const states = createStateFile(stateDir)

  /** The live configuration and the state, while nobody else changes either. */
  async function changing(
    call: Call,
    work: (live: LiveConfiguration, state: ReloadState) => Promise<void>,
  ): Promise<void> {
    const change = async () => {
      const state = assertNewest(await states.read(), call.token)
      return work(await askNginx(stateDir, call.signal), state)
    }
    // Where nginx does not run there may be no state folder either.
    await askNginx(stateDir, call.signal)
    await states.alone(call.signal, change)
  }

  async function reload(state: ReloadState, signal: AbortSignal): Promise<number> {
    const generation = newGeneration()
    const { nodes, hasMinTimeout } = state
    const text = renderReloadFile({ name, generation, stateDir, listen, nodes, hasMinTimeout })
    const target = await targetOf(options)
    const { dump } = await applyFile(target, { text: headerOf(name, generation) + text, generation }, signal)
    return minTimeoutMs(dump)
  }

  return {
    driver: 'nginx',
    supports: { inflight: false, weights: true, closeLongLived: false, metrics: false },

    async inspect({ signal }) {
      const live = await askNginx(stateDir, signal)
      const [state, master] = await Promise.all([states.read(), masterOf(live.worker)])
      return {
        nodes: await Promise.all(live.nodes.map((node) => viewOf(node, state, master))),
        generation: `${live.generation}.${master.pid}.${master.startTime}`,
      }
    },

    async set(node, wanted, call) {
      await changing(call, async (live, state) => {
        const last = entryOf(state, node)
        const leaving = wanted.admin === 'in' ? [] : await leavingOf(last, live)
        const next = { ...last, admin: wanted.admin, weight: wanted.weight ?? last.weight, leaving }
        const changed = withNode({ ...state, token: call.token }, next)
        // Written before anything happens: whoever goes on after a crash knows for which workers to wait.
        await states.write(changed)
        let keepAliveMs = state.hasMinTimeout ? minTimeoutSeconds * 1000 : 0
        try {
          if (!runsWith(live, changed)) keepAliveMs = await reload(changed, call.signal)
        } catch (error) {
          await states.write({ ...state, token: call.token })
          throw error
        }
        await settle(leaving, { keepAliveMs }, call.signal)
      })
    },

    async closeLongLived(node, call) {
      await changing(call, async (_, state) => {
        entryOf(state, node)
        throw unsupported('close WebSockets and event streams of one node')
      })
    },

    async fence(call) {
      await changing(call, async (_, state) => {
        if (call.token > state.token) await states.write({ ...state, token: call.token })
      })
    },

    async metrics() {
      throw unsupported('count requests')
    },
  }
}

async function viewOf(live: LiveNode, state: ReloadState | null, master: ProcessIdentity): Promise<BalancerNodeView> {
  const { id, address, admin, weight } = live
  const view = { id, address, weight, healthy: true, inflight: null, longLived: 0 }
  if (admin === 'in') return { ...view, state: 'serving' }
  const leaving = state?.nodes.find((node) => node.id === id)?.leaving ?? []
  const inUse = (await living(leaving)).length > 0 || (await hasConnectionTo(address, master))
  return { ...view, state: inUse ? 'draining' : 'drained' }
}

/** The workers that may have the node: those that run now, or where it is out already, those that ran when it went. */
async function leavingOf(last: ReloadNode, live: LiveConfiguration): Promise<ProcessIdentity[]> {
  if (live.nodes.some(({ id, admin }) => id === last.id && admin === 'out')) return living(last.leaving)
  return workersOf((await masterOf(live.worker)).pid)
}

async function living(workers: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> {
  const alive = await Promise.all(workers.map(isAlive))
  return workers.filter((_, index) => alive[index])
}

function runsWith({ nodes }: LiveConfiguration, state: ReloadState): boolean {
  return nodes.length === state.nodes.length && nodes.every((node, index) => isSame(node, state.nodes[index]!))
}

function withNode(state: ReloadState, changed: ReloadNode): ReloadState {
  return { ...state, nodes: state.nodes.map((node) => (node.id === changed.id ? changed : node)) }
}

function entryOf({ nodes }: ReloadState, id: string): ReloadNode {
  const found = nodes.find((node) => node.id === id)
  if (found !== undefined) return found
  throw new BatonError(
    'unknown-node',
    `nginx's file has no node ${id}: it has ${nodes.map((node) => node.id).join(', ')}`,
    {
      hint: 'the installed file has other nodes than baton.yaml: run baton balancer install',
    },
  )
}

function assertNewest(state: ReloadState | null, token: number): ReloadState {
  if (state === null) {
    throw new BatonError('nginx-not-installed', 'baton has no state of this nginx', {
      hint: 'run baton balancer install',
    })
  }
  if (token >= state.token) return state
  throw new BatonError('stale-token', `token ${token} is stale, the newest is ${state.token}`, {
    hint: 'another deploy has taken over: baton status',
  })
}

function unsupported(what: string): BatonError {
  return new BatonError('not-supported', `nginx in mode: reload cannot ${what}`, { hint: 'set balancer.mode: dynamic' })
}
