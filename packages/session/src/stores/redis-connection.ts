import { createClient, RESP_TYPES } from 'redis'
import { unavailable, within } from './deadline.ts'
import type { Timeouts } from './store.ts'

export interface RedisConnection {
  /** Runs `work` on a connection that is ready; rejects with `session-unavailable` after `budgetMs`, all waiting included. */
  run<T>(what: string, budgetMs: number, work: (client: RedisClient) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export type RedisClient = ReturnType<typeof makeClient>

/**
 * One connection, made at once and made again whenever it is lost or falls silent. Nothing is queued while there is
 * none: a call waits for it at most as long as its own budget.
 */
export function redisConnection(url: string, timeouts: Timeouts): RedisConnection {
  let client = connect()
  let answeredAt = performance.now()
  let closed = false
  const waiting = new Set<() => void>()

  return {
    run(what, budgetMs, work) {
      const startedAt = performance.now()
      const result = within(budgetMs, what, ready().then(work))
      result.then(
        () => {
          answeredAt = performance.now()
        },
        () => {
          // Half-open or frozen: TCP may take minutes to notice, a new connection one round trip.
          const silent = answeredAt < startedAt && performance.now() - startedAt >= budgetMs
          if (silent && client.isReady) reconnect()
        },
      )
      return result
    },

    async close() {
      closed = true
      for (const wake of waiting) wake()
      if (client.isReady) await within(timeouts.commitMs, 'close', client.close()).catch(() => {})
      client.destroy()
    },
  }

  async function ready(): Promise<RedisClient> {
    while (!client.isReady) {
      if (closed) throw unavailable('the session store is closed')
      await new Promise<void>((resolve) => {
        waiting.add(resolve)
      })
    }
    return client
  }

  function connect(): RedisClient {
    const fresh = makeClient(url, timeouts)
    let watchdog: NodeJS.Timeout | undefined
    fresh.on('connect', () => {
      // TCP is up; the handshake has its deadline as well (a frozen server accepts, and never answers).
      clearTimeout(watchdog)
      watchdog = setTimeout(() => {
        if (fresh === client && !fresh.isReady) reconnect()
      }, timeouts.connectMs)
      watchdog.unref()
    })
    fresh.on('ready', () => {
      clearTimeout(watchdog)
      for (const wake of waiting) wake()
      waiting.clear()
    })
    // Each call that fails says so itself; without a listener the loss of a connection would end the process.
    fresh.on('error', () => {})
    fresh.connect().catch(() => {})
    return fresh
  }

  function reconnect(): void {
    if (closed) return
    const silent = client
    client = connect()
    answeredAt = performance.now()
    silent.destroy()
  }
}

function makeClient(url: string, timeouts: Timeouts) {
  return createClient({
    url,
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    socket: { connectTimeout: timeouts.connectMs, reconnectStrategy: () => 50 + Math.random() * 100 },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } },
  })
}
