import type { Balancing, ExchangeResult, Lease, Upstream } from '../balancing.ts'
import { ProxyError } from '../errors.ts'
import { createNodeCounters, type NodeCounters, type NodeMetrics } from './node-metrics.ts'
import { type Sequence, smoothSequence } from './sequence.ts'

export type AdminState = 'in' | 'out'

/**
 * `draining`: out, and something is still in flight; `drained`: out, with nothing in flight; `down`: told to serve, but
 * its health checks fail.
 */
export type NodeState = 'serving' | 'draining' | 'drained' | 'down'

export interface TableNode {
  readonly id: string
  readonly host: string
  readonly port: number
  /** A positive integer; the node's share is its weight over the sum of the weights. */
  readonly weight: number
  readonly admin: AdminState
}

export interface NodeView {
  readonly id: string
  readonly address: string
  readonly state: NodeState
  readonly admin: AdminState
  readonly weight: number
  readonly healthy: boolean
  /** Everything in flight, long-lived connections included. */
  readonly inflight: number
  /** The upgraded connections and event streams among them. */
  readonly longLived: number
}

export interface Table extends Balancing {
  /** In the order of the configuration. */
  view(): readonly NodeView[]
  has(id: string): boolean
  /** All that follow fail with `unknown-node`. */
  assertKnown(id: string): void
  /**
   * `out`: from this moment no lease goes to the node. `in`: it serves, and counts as healthy until a check says
   * otherwise.
   */
  set(id: string, wanted: { readonly admin?: AdminState; readonly weight?: number }): void
  /** Asks what is long-lived on the node to close, and what becomes so until the node is in again. */
  closeLongLived(id: string): void
  metrics(id: string): NodeMetrics
  /** What the active health checks see. */
  setHealthy(id: string, healthy: boolean): void
  /** A new one whenever the node is put in, or marked up or down; undefined while it is out. Checks count within one term. */
  term(id: string): number | undefined
}

export interface TableOptions {
  readonly nodes: readonly TableNode[]
  /** So many refused, reset or timed out exchanges in a row mark a node down, unless it is the last healthy one. */
  readonly passiveFailures: number
  /** Told of every change of a node's health, for the log. */
  onHealth?(id: string, healthy: boolean, reason: 'passive' | 'active'): void
}

interface LongLived {
  close(): void
}

interface Entry {
  readonly upstream: Upstream
  readonly counters: NodeCounters
  readonly longLived: Set<LongLived>
  admin: AdminState
  weight: number
  healthy: boolean
  term: number
  inflight: number
  failuresInARow: number
  closing: boolean
}

/**
 * Who gets the next request. The sequence is computed when weights, membership or health change, not per request: a
 * lease takes the next slot. Where no node that is in is healthy, all that are in are tried: a health check that is wrong
 * about everyone must not take the whole site down, and a node that is really dead is answered for with a 502 anyway.
 */
export function createTable({ nodes, passiveFailures, onHealth }: TableOptions): Table {
  const entries: readonly Entry[] = nodes.map(createEntry)
  const byId = new Map(entries.map((entry) => [entry.upstream.id, entry]))
  let members: readonly Entry[] = []
  let sequence: Sequence = smoothSequence([])
  let position = 0
  let stale = true

  return {
    lease(tried) {
      if (stale) rebuild()
      for (let step = 0; step < sequence.picks.length; step++) {
        const entry = next()
        if (tried.length === 0 || !tried.includes(entry.upstream)) return lend(entry)
      }
      // One that has had more than its share of late is in no slot for a while.
      const left = members.find((entry) => !tried.includes(entry.upstream))
      return left === undefined ? undefined : lend(left)
    },

    view: () => entries.map(viewOf),
    has: (id) => byId.has(id),
    assertKnown: (id) => void known(id),

    set(id, { admin, weight }) {
      const entry = known(id)
      if (weight !== undefined) entry.weight = weight
      if (admin !== undefined) {
        entry.admin = admin
        entry.term++
        if (admin === 'in') {
          entry.healthy = true
          entry.failuresInARow = 0
          entry.closing = false
        }
      }
      stale = true
    },

    closeLongLived(id) {
      const entry = known(id)
      entry.closing = true
      for (const { close } of [...entry.longLived]) close()
    },

    metrics: (id) => known(id).counters.read(),

    setHealthy(id, healthy) {
      const entry = known(id)
      if (entry.healthy !== healthy) mark(entry, healthy, 'active')
    },

    term(id) {
      const entry = known(id)
      return entry.admin === 'in' ? entry.term : undefined
    },
  }

  function lend(entry: Entry): Lease {
    entry.inflight++
    let ended = false
    let longLived: LongLived | undefined
    return {
      upstream: entry.upstream,
      becomesLongLived(close) {
        if (ended || longLived !== undefined) return
        const own = { close }
        longLived = own
        entry.longLived.add(own)
        // It was in flight when the node was told to close what is long-lived, and has become so only now.
        if (entry.closing) queueMicrotask(() => entry.longLived.has(own) && close())
      },
      end(result) {
        if (ended) return
        ended = true
        entry.inflight--
        entry.counters.count(result, { longLived: longLived !== undefined })
        if (longLived !== undefined) entry.longLived.delete(longLived)
        markPassively(entry, result)
      },
    }
  }

  function markPassively(entry: Entry, { failure, status }: ExchangeResult): void {
    if (failure === null) {
      // A client that went away before the answer says nothing about the node.
      if (status !== null) entry.failuresInARow = 0
      return
    }
    if (failure === 'protocol' || !serves(entry)) return
    entry.failuresInARow++
    if (entry.failuresInARow < passiveFailures) return
    // The last one is kept: a doubtful node serves better than none.
    if (entries.some((other) => other !== entry && serves(other))) mark(entry, false, 'passive')
  }

  function mark(entry: Entry, healthy: boolean, reason: 'passive' | 'active'): void {
    entry.healthy = healthy
    entry.failuresInARow = 0
    entry.term++
    stale = true
    onHealth?.(entry.upstream.id, healthy, reason)
  }

  function next(): Entry {
    if (position === sequence.picks.length) {
      if (sequence.periodic) position = 0
      else rebuild()
    }
    return members[sequence.picks[position++]!]!
  }

  /**
   * What each node is owed is carried over. Every sequence from scratch begins with the same node: under frequent changes
   * that one would get more than its share.
   */
  function rebuild(): void {
    const before = sequence.owed(position)
    const owed = new Map(members.map((entry, i) => [entry, before[i]!]))
    const healthy = entries.filter(serves)
    members = healthy.length > 0 ? healthy : entries.filter((entry) => entry.admin === 'in')
    const weights = members.map((entry) => entry.weight)
    const owing = members.map((entry) => owed.get(entry) ?? 0)
    sequence = smoothSequence(weights, balanced(weights, owing))
    position = 0
    stale = false
  }

  function known(id: string): Entry {
    const entry = byId.get(id)
    if (entry !== undefined) return entry
    const names = entries.map(({ upstream }) => upstream.id).join(', ')
    throw new ProxyError('unknown-node', `no node is named ${JSON.stringify(id)}; there are ${names}`)
  }
}

export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** One rule for one process and for the sum of two. */
export function stateOf(node: Pick<NodeView, 'admin' | 'healthy' | 'inflight'>): NodeState {
  if (node.admin === 'out') return node.inflight > 0 ? 'draining' : 'drained'
  return node.healthy ? 'serving' : 'down'
}

function createEntry({ id, host, port, weight, admin }: TableNode): Entry {
  return {
    upstream: Object.freeze({ id, host, port }),
    counters: createNodeCounters(),
    longLived: new Set(),
    admin,
    weight,
    healthy: true,
    term: 0,
    inflight: 0,
    failuresInARow: 0,
    closing: false,
  }
}

function viewOf(entry: Entry): NodeView {
  const { upstream, admin, weight, healthy, inflight, longLived } = entry
  return {
    id: upstream.id,
    address: addressOf(upstream),
    state: stateOf(entry),
    admin,
    weight,
    healthy,
    inflight,
    longLived: longLived.size,
  }
}

/** What has gone with a node that left is shared out by weight: all that is owed adds up to nothing. */
function balanced(weights: readonly number[], owed: readonly number[]): readonly number[] {
  const surplus = owed.reduce((sum, requests) => sum + requests, 0)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return owed.map((requests, i) => requests - (surplus * weights[i]!) / total)
}

function serves(entry: Entry): boolean {
  return entry.admin === 'in' && entry.healthy
}
