import type { Upstream } from '../balancing.ts'
import { type Deadlines, now } from './deadlines.ts'
import type { Limits } from './limits.ts'
import { type NodeConnection, type NodeExchange, openNodeConnection } from './node-connection.ts'

/**
 * The connections to the nodes that wait for their next request.
 *
 * A node may close an idle connection at the very moment a request is on its way to it. The request then fails without an
 * answer, and nobody can tell whether it was processed. Four things keep clients from ever noticing:
 *
 * 1. Idle connections are closed from this side first: a second before the lifetime that the node announces (Keep-Alive:
 *    timeout=N), or after nodeIdleMs where it announces none, which is below the 5 s of Node.js.
 * 2. What a node does counts more than what it says: once it has closed a connection that was idle for A, its connections are
 *    reused only up to A / 2. Since a node that shuts down does the same, this is forgotten after a while, and at once when
 *    it refuses a connection.
 * 3. A request that must not be processed twice needs more than that: the connection was used within nodeIdleUnsafeMs, and the
 *    node is known to keep idle connections for at least that long and twice as long as this one was idle, because it
 *    announces it, or because another connection of its has been idle for so long. Otherwise it goes on a new connection.
 *    So that this is found out under constant load too, one connection of a node that announces nothing is left idle until
 *    it is known.
 * 4. A request that may be sent twice (GET, HEAD, OPTIONS, TRACE without a body) is sent once more, to the same node on a new
 *    connection, when a reused one closes before the first byte of an answer. RFC 9110 9.2.2 allows it, and it is no retry
 *    on another node. The exchange does this.
 */
export interface NodePool {
  /** A connection on which the exchange has begun, or undefined: open one then. */
  take(exchange: NodeExchange, upstream: Upstream, options: { repeatable: boolean }): NodeConnection | undefined
  open(exchange: NodeExchange, upstream: Upstream): NodeConnection
  /** Takes a connection back whose exchange is over. */
  put(connection: NodeConnection): void
  /** A reused connection was closed by the node before it answered. */
  closedUnderRequest(connection: NodeConnection): void
  /** The node refused a connection: it is not, or no longer, the process it was. */
  forget(upstream: Upstream): void
  close(): void
}

interface NodeEntry {
  /** The most recently used last. */
  readonly idle: NodeConnection[]
  /** The longest that one of its connections has been idle without the node closing it. */
  keptIdleMs: number
  learnedIdleMs: number
  learnedUntil: number
}

const LEARNED_FOR_MS = 30_000
const ANNOUNCED_MARGIN_MS = 1_000

export function createNodePool({ limits, deadlines }: { limits: Limits; deadlines: Deadlines }): NodePool {
  const entries = new Map<Upstream, NodeEntry>()
  let closed = false

  function entryOf(upstream: Upstream): NodeEntry {
    let entry = entries.get(upstream)
    if (entry === undefined) {
      entry = { idle: [], keptIdleMs: 0, learnedIdleMs: Number.POSITIVE_INFINITY, learnedUntil: 0 }
      entries.set(upstream, entry)
    }
    return entry
  }

  function lifetimeMs(entry: NodeEntry, connection: NodeConnection): number {
    const announcedMs = connection.announcedIdleMs()
    const ownMs = announcedMs === undefined ? limits.nodeIdleMs : announcedMs - ANNOUNCED_MARGIN_MS
    return entry.learnedUntil > now() ? Math.min(ownMs, entry.learnedIdleMs) : ownMs
  }

  /** Whether a request that must not be processed twice may go on a connection that has been idle for `idleMs`. */
  function isSafe(entry: NodeEntry, connection: NodeConnection, idleMs: number): boolean {
    const { nodeIdleUnsafeMs } = limits
    const knownMs = Math.max(entry.keptIdleMs, connection.announcedIdleMs() ?? 0)
    return knownMs >= nodeIdleUnsafeMs && idleMs < Math.min(nodeIdleUnsafeMs, knownMs / 2)
  }

  /** The last idle connection of a node of which it is not known yet how long it keeps them. */
  function isObserved(entry: NodeEntry, connection: NodeConnection): boolean {
    entry.keptIdleMs = Math.max(entry.keptIdleMs, now() - entry.idle[0]!.idleSince())
    const isKnown = connection.announcedIdleMs() !== undefined || entry.keptIdleMs >= limits.nodeIdleUnsafeMs
    return !isKnown && entry.idle.length === 1
  }

  function learn(upstream: Upstream, idleMs: number): void {
    const entry = entryOf(upstream)
    const time = now()
    const known = entry.learnedUntil > time ? entry.learnedIdleMs : Number.POSITIVE_INFINITY
    entry.learnedIdleMs = Math.min(known, idleMs / 2)
    entry.learnedUntil = time + LEARNED_FOR_MS
    entry.keptIdleMs = 0
  }

  function idleClosed(connection: NodeConnection, { byNode }: { byNode: boolean }): void {
    const entry = entryOf(connection.upstream)
    const idleMs = now() - connection.idleSince()
    entry.idle.splice(entry.idle.indexOf(connection), 1)
    if (byNode) learn(connection.upstream, idleMs)
    else entry.keptIdleMs = Math.max(entry.keptIdleMs, idleMs)
  }

  return {
    take(exchange, upstream, { repeatable }) {
      const entry = entryOf(upstream)
      const connection = entry.idle.at(-1)
      if (connection === undefined || isObserved(entry, connection)) return undefined
      const lifeMs = lifetimeMs(entry, connection)
      const idleMs = now() - connection.idleSince()
      // The one used last is the youngest: when it is too old, all are, and their deadlines will close them.
      if (idleMs >= lifeMs || connection.socket.readyState !== 'open') return undefined
      if (!repeatable && !isSafe(entry, connection, idleMs)) return undefined
      entry.idle.pop()
      connection.begin(exchange)
      return connection
    },
    open: (exchange, upstream) => openNodeConnection({ upstream, deadlines, limits, idleClosed }, exchange),
    put(connection) {
      const entry = entryOf(connection.upstream)
      const lifeMs = lifetimeMs(entry, connection)
      if (closed || lifeMs <= 0 || entry.idle.length >= limits.nodeIdleConnections) {
        connection.destroy()
        return
      }
      entry.idle.push(connection)
      connection.rest(lifeMs)
    },
    closedUnderRequest(connection) {
      learn(connection.upstream, connection.idleForMs() ?? 0)
    },
    forget(upstream) {
      const entry = entryOf(upstream)
      entry.learnedUntil = 0
      entry.keptIdleMs = 0
    },
    close() {
      closed = true
      for (const { idle } of entries.values()) {
        for (const connection of idle.splice(0)) connection.destroy()
      }
    },
  }
}
