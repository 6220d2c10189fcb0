import type { Socket } from 'node:net'
import type { Balancing } from '../balancing.ts'
import { type ClientConnection, createClientConnection } from './client-connection.ts'
import { createDeadlines } from './deadlines.ts'
import type { ExchangeContext } from './exchange.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { createNodePool } from './node-pool.ts'

/** HTTP/1.1 between clients and nodes. It listens nowhere itself: whoever does hands it the connections. */
export interface DataPlane {
  /** Serves a client's connection until it ends. */
  accept(socket: Socket): void
  /** Clients' connections that are open. */
  connections(): number
  /** Requests that a node has at the moment, upgraded connections and event streams included. */
  inflight(): number
  /**
   * Stops gracefully. Requests in flight finish; every further answer closes its connection; an idle connection stays open
   * for one more request, up to idleMs (default: graceMs), so that no client is reset that is just sending one. After
   * graceMs, or when the signal aborts, WebSockets get the close code 1001, event streams end, idle connections are closed,
   * and what is left after closingMs is cut. Resolves when no connection is left.
   */
  drain(options: { graceMs: number; idleMs?: number | undefined; signal?: AbortSignal }): Promise<void>
}

export interface DataPlaneOptions {
  readonly balancing: Balancing
  readonly limits?: Partial<Limits>
  /**
   * Whether X-Forwarded-* and Forwarded of clients are believed and appended to, rather than replaced. True only where every
   * client is a proxy of one's own. Default: false.
   */
  readonly trustForwarded?: boolean
  /** Gets a line for each thing an operator should know: nodes that cannot be reached or answer malformed. */
  readonly log?: (line: string) => void
}

export function createDataPlane(options: DataPlaneOptions): DataPlane {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const deadlines = createDeadlines()
  const pool = createNodePool({ limits, deadlines })
  const connections = new Set<ClientConnection>()
  let inflight = 0
  let draining = false
  const waiting: (() => void)[] = []

  const context: ExchangeContext = {
    balancing: options.balancing,
    pool,
    limits,
    log: options.log ?? (() => {}),
    draining: () => draining,
    countInflight(change) {
      inflight += change
    },
  }

  function closed(connection: ClientConnection): void {
    connections.delete(connection)
    if (connections.size > 0) return
    for (const resolve of waiting.splice(0)) resolve()
  }

  return {
    accept(socket) {
      if (socket.destroyed) return
      const trustForwarded = options.trustForwarded ?? false
      connections.add(createClientConnection({ socket, context, deadlines, trustForwarded, closed }))
    },
    connections: () => connections.size,
    inflight: () => inflight,
    async drain({ graceMs, idleMs = graceMs, signal }) {
      draining = true
      const empty = new Promise<void>((resolve) => {
        if (connections.size === 0) resolve()
        else waiting.push(resolve)
      })
      const closeIdle = () => {
        for (const connection of [...connections]) connection.closeIdle()
      }
      // More than once: an answer that was begun before keeps its connection.
      const idleTimer = setInterval(closeIdle, idleMs)
      await within(graceMs, { until: empty, signal })
      clearInterval(idleTimer)
      closeIdle()
      for (const connection of [...connections]) connection.closeLongLived()
      await within(limits.closingMs, { until: empty })
      for (const connection of [...connections]) connection.destroy()
      await empty
      pool.close()
    },
  }
}

/** Waits for `until`, no longer than `ms`, and not beyond the signal. */
async function within(
  ms: number,
  { until, signal }: { until: Promise<void>; signal?: AbortSignal | undefined },
): Promise<void> {
  if (signal?.aborted) return
  let stop = () => {}
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    const abort = () => resolve()
    signal?.addEventListener('abort', abort)
    stop = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  })
  await Promise.race([until, over])
  stop()
}
