import { createClient, RESP_TYPES } from 'redis'
import { unavailable, within } from './deadline.ts'
import { trackClient, trackingClientOptions } from './near-cache-client.ts'
import type { Tracking } from './near-cache-tracking.ts'
import { luaBySha1 } from './redis-scripts.ts'
import type { Argument, CallKind, Command, Reader, RedisServers } from './redis-servers.ts'
import type { Timeouts } from './store.ts'

export type RedisClient = ReturnType<typeof makeClient>

/**
 * One connection, made at once and made again whenever it is lost or falls silent. Nothing is queued while there is
 * none: a call waits for it at most as long as its own budget.
 */
export function redisConnection(url: string, timeouts: Timeouts, tracking?: Tracking): RedisServers {
  let client = connect()
  let answeredAt = performance.now()
  let closed = false
  const waiting = new Set<() => void>()

  return {
    isCluster: false,
    run: (kind, _key, commands, read) => run(kind, commands, read),
    runOn: (_master, kind, commands, read) => run(kind, commands, read),
    masters: () => [''],
    health: () => ({ state: client.isReady ? 'up' : 'down', sinceMs: 0 }),

    async close() {
      closed = true
      for (const wake of waiting) wake()
      if (client.isReady) await within(timeouts.commitMs, 'close', client.close()).catch(() => {})
      client.destroy()
    },
  }

  function run<T>(kind: CallKind, commands: readonly Command[], read: Reader<T>): Promise<T> {
    const startedAt = performance.now()
    const budgetMs = kind === 'load' ? timeouts.loadMs : timeouts.commitMs
    const work = async (): Promise<T> => {
      const on = await ready()
      return read(await Promise.all(commands.map((command) => send(on, command))))
    }
    const result = within(budgetMs, `${kind} a session`, work())
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
  }

  async function send(on: RedisClient, command: Command): Promise<unknown> {
    try {
      return await on.sendCommand(command as Argument[])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      const lua = luaBySha1.get(String(command[1])) ?? ''
      return on.sendCommand(['EVAL', lua, ...command.slice(2)])
    }
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
    const fresh = makeClient(url, timeouts, tracking !== undefined)
    if (tracking !== undefined) trackClient(fresh, tracking)
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

function makeClient(url: string, timeouts: Timeouts, isTracked: boolean) {
  return createClient({
    url,
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    ...(isTracked ? trackingClientOptions : {}),
    socket: { connectTimeout: timeouts.connectMs, reconnectStrategy: () => 50 + Math.random() * 100 },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } },
  })
}
