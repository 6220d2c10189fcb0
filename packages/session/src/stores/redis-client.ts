import type * as Redis from 'redis'
import type { RedisAddress, RedisLogin, RedisTarget } from './redis-target.ts'

/** One connection of node-redis, used until it is lost, and never again. */
export type RedisClient = ReturnType<typeof makeClient>

export interface ClientOptions {
  readonly target: RedisTarget
  readonly address: RedisAddress
  readonly login: RedisLogin
  readonly database: number
  readonly connectMs: number
  /** Whether a near cache wants to know of writes: Redis keeps track of what is read over it then. */
  readonly isTracked: boolean
}

/**
 * The one place that makes clients. node-redis is loaded when the first one is made. It neither queues nor reconnects
 * here, and has no timers: its own would be one AbortSignal per command. RESP3, blobs as bytes, maps as flat arrays.
 * Where it is tracked, `invalidate` is emitted with the key, or null, for each push of client-side caching.
 */
export async function openRedisClient(options: ClientOptions): Promise<RedisClient> {
  return makeClient(await import('redis'), options)
}

/** What Redis said, by its first word, as in `WRONGTYPE Operation …`; undefined for what became of the connection. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error ? /^[A-Z]+(?= |$)/.exec(error.message)?.[0] : undefined
}

function makeClient({ RedisClient, RESP_TYPES }: typeof Redis, options: ClientOptions) {
  const { target, address, login, database, connectMs } = options
  const socket = { ...address, connectTimeout: connectMs, reconnectStrategy: false as const }
  // createClient builds a class of all commands for options that differ from the last ones, address and all: 50 ms and
  // more, for each of a cluster's servers, over and over. This one is built once.
  return RedisClient.factory({ RESP: 3 })({
    ...login,
    ...(database === 0 ? {} : { database }),
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    emitInvalidate: options.isTracked,
    socket: target.tls === undefined ? socket : { ...socket, ...target.tls, tls: true as const },
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } },
  })
}
