/**
 * What connects the near cache to the connections that its sessions are read over (Redis' client-side caching,
 * https://redis.io/docs/latest/develop/reference/client-side-caching/): Redis remembers which keys a connection has
 * read, and pushes their names on the same connection, behind the reply, once somebody else writes them.
 *
 * The Redis store reports what becomes of each connection that it reads over; the near cache listens. With NOLOOP, a
 * commit or update must end, in the same transaction or script, with a read of the key, or nothing is pushed for it again.
 */
export interface Tracking {
  /** A connection on which tracking is on, over which nothing was read yet. `ping` is a PING on this very connection. */
  connected(ping: () => Promise<unknown>): Tracked
  listen(listener: TrackingListener): void
  /**
   * All that happened up to this time (as `performance.now()`) and concerns us has been heard of: a connection that is
   * half open looks alive, and pushes nothing. -Infinity while there is no connection.
   */
  provenAt(): number
  close(): void
}

export interface Tracked {
  /** Whole Redis keys, as in an `invalidate` push; null: all of them (FLUSHALL, FLUSHDB). */
  invalidated(keys: readonly (Buffer | string)[] | null): void
  /** Closed, replaced, failed over, or no longer used. May be called more than once. */
  lost(): void
}

export interface TrackingListener {
  invalidated(redisKey: string): void
  /** Redis has thrown everything away. */
  emptied(): void
  /** From here on it is not known what was written meanwhile. */
  lost(): void
}

/**
 * Must be answered before anything is read over a connection. NOLOOP: our own writes are not pushed to us, behind their
 * replies, where they would throw away what they have just brought up to date.
 */
export const trackingCommand: readonly string[] = ['CLIENT', 'TRACKING', 'ON', 'NOLOOP']

export interface TrackingOptions {
  /** Between two PINGs on each connection. Default 250. */
  readonly pingEveryMs?: number
}

export function makeTracking(options: TrackingOptions = {}): Tracking {
  const connections = new Set<Connection>()
  const listeners: TrackingListener[] = []
  let proven = Number.NEGATIVE_INFINITY
  const timer = setInterval(beat, options.pingEveryMs ?? 250)
  timer.unref()

  return {
    connected(ping) {
      const connection: Connection = { ping, provenAt: performance.now(), isWaiting: false }
      connections.add(connection)
      reckon()
      return {
        invalidated(keys) {
          if (!connections.has(connection)) return
          for (const listener of listeners) {
            if (keys === null) listener.emptied()
            else for (const key of keys) listener.invalidated(key.toString())
          }
        },
        lost() {
          if (!connections.delete(connection)) return
          reckon()
          for (const listener of listeners) listener.lost()
        },
      }
    },

    listen(listener) {
      listeners.push(listener)
    },

    provenAt: () => proven,

    close() {
      clearInterval(timer)
      connections.clear()
      reckon()
    },
  }

  function beat(): void {
    for (const connection of connections) {
      if (connection.isWaiting) continue
      connection.isWaiting = true
      const sentAt = performance.now()
      // Pushes and pongs come in the order in which Redis acted: what was written before the PING has been pushed.
      connection.ping().then(
        () => {
          connection.isWaiting = false
          connection.provenAt = sentAt
          reckon()
        },
        () => {
          connection.isWaiting = false
        },
      )
    }
  }

  /** The least that is known of any connection: which one a key was read over is not remembered. */
  function reckon(): void {
    let least = Number.POSITIVE_INFINITY
    for (const { provenAt } of connections) least = Math.min(least, provenAt)
    proven = connections.size === 0 ? Number.NEGATIVE_INFINITY : least
  }
}

interface Connection {
  readonly ping: () => Promise<unknown>
  provenAt: number
  isWaiting: boolean
}
