import { ProxyError } from '../errors.ts'
import type { ProxyNodeConfig } from '../process/config.ts'
import type { Predecessors } from '../process/predecessors.ts'
import { type ProxyState, readState, writeState } from '../state/state-file.ts'
import { type AdminState, type NodeView, stateOf, type Table, type TableNode } from '../table/table.ts'

export interface WantedNode {
  readonly admin?: AdminState
  readonly weight?: number
}

/** Everything that the admin API can see and change. Changes are made one after another, each on disk before it resolves. */
export interface Control {
  fence(): number
  /** Fails with `predecessor-silent`. */
  view(scope: Scope): Promise<readonly NodeView[]>
  /**
   * When it resolves with `admin: 'out'`, no new request reaches the node. Fails, as all changes, with `stale-token`,
   * `unknown-node`, `state-unwritable` (nothing was changed), or `predecessor-silent` (to be repeated).
   */
  set(id: string, wanted: WantedNode, call: ControlCall): Promise<NodeView>
  closeLongLived(id: string, call: ControlCall): Promise<void>
  raiseFence(call: ControlCall): Promise<void>
  /** Resolves when changes under way are done; from now on the state file belongs to the successor. */
  handOver(): Promise<void>
  /** The successor has died: its changes are read from the file, which is this process' again. */
  takeBack(): Promise<void>
}

/** `process` leaves the processes out that this one has replaced. */
export type Scope = 'all' | 'process'

interface ControlCall {
  readonly token: number
  readonly scope: Scope
}

export interface ControlOptions {
  readonly nodes: readonly ProxyNodeConfig[]
  readonly table: Table
  readonly stateFile: string
  readonly fence: number
  readonly predecessors: Predecessors
}

export function createControl({ nodes, table, stateFile, fence: savedFence, predecessors }: ControlOptions): Control {
  let fence = savedFence
  let ownsFile = true
  let lastChange: Promise<unknown> = Promise.resolve()

  return {
    fence: () => fence,

    view: (scope) => viewAll(scope),

    set: (id, wanted, call) =>
      change(call, async () => {
        table.assertKnown(id)
        await save(call.token, id, wanted)
        table.set(id, wanted)
        if (call.scope === 'all') {
          await predecessors.tell({ ...call, method: 'PUT', path: `/v1/nodes/${id}`, body: wanted })
        }
        return (await viewAll(call.scope)).find((node) => node.id === id)!
      }),

    closeLongLived: (id, call) =>
      change(call, async () => {
        table.assertKnown(id)
        await save(call.token)
        table.closeLongLived(id)
        if (call.scope === 'all') {
          await predecessors.tell({ ...call, method: 'POST', path: `/v1/nodes/${id}/close-long-lived` })
        }
      }),

    raiseFence: (call) => change(call, () => save(call.token)),

    async handOver() {
      await lastChange.catch(() => {})
      ownsFile = false
    },

    async takeBack() {
      ownsFile = true
      const state = await readState(stateFile)
      fence = Math.max(fence, state.fence)
      for (const node of table.view()) {
        const saved = state.nodes.get(node.id)
        if (saved !== undefined && saved.admin !== node.admin) table.set(node.id, { admin: saved.admin })
        if (saved !== undefined && saved.weight !== node.weight) table.set(node.id, { weight: saved.weight })
      }
    },
  }

  function change<T>({ token }: ControlCall, act: () => Promise<T>): Promise<T> {
    const result = lastChange.then(() => {
      if (token < fence) {
        throw new ProxyError(
          'stale-token',
          `token ${token} is stale, the newest is ${fence}: another deploy has taken over; see "baton status"`,
        )
      }
      return act()
    })
    lastChange = result.catch(() => {})
    return result
  }

  async function viewAll(scope: Scope): Promise<readonly NodeView[]> {
    if (scope === 'process') return table.view()
    const counts = await predecessors.counts()
    return table.view().map((node) => {
      const more = counts.get(node.id)
      if (more === undefined) return node
      const sum = { ...node, inflight: node.inflight + more.inflight, longLived: node.longLived + more.longLived }
      return { ...sum, state: stateOf(sum) }
    })
  }

  /** First the file, then the table: an answer that was given outlives a crash, and a failed write changes nothing. */
  async function save(token: number, id?: string, wanted: WantedNode = {}): Promise<void> {
    if (ownsFile) {
      const views = table.view().map((node) => (node.id === id ? { ...node, ...wanted } : node))
      await writeState(stateFile, { fence: token, nodes: toSave(views, nodes) })
    }
    fence = token
  }
}

/** The nodes as they start: those that are new start in; a saved weight holds while the configured one stays as it was. */
export function nodesToStart(nodes: readonly ProxyNodeConfig[], state: ProxyState): readonly TableNode[] {
  return nodes.map((node) => {
    const saved = state.nodes.get(node.id)
    if (saved === undefined) return { ...node, admin: 'in' }
    const weight = saved.configuredWeight === node.weight ? saved.weight : node.weight
    return { ...node, admin: saved.admin, weight }
  })
}

/** Nodes that are no longer configured are forgotten: one that comes back later starts in, like a new one. */
export function toSave(
  nodes: readonly (WantedNode & { readonly id: string; readonly admin: AdminState; readonly weight: number })[],
  configured: readonly ProxyNodeConfig[],
): ProxyState['nodes'] {
  const weights = new Map(configured.map((node) => [node.id, node.weight]))
  return new Map(
    nodes.map(({ id, admin, weight }) => [id, { admin, weight, configuredWeight: weights.get(id) ?? weight }]),
  )
}
