import type { Fields } from '../format/record.ts'
import { unavailable } from './deadline.ts'
import { type RedisClient, redisConnection } from './redis-connection.ts'
import { type Script, scripts } from './redis-scripts.ts'
import { type SessionStore, type Timeouts, tombstoneTtlMs } from './store.ts'

export interface RedisOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string
  readonly namespace: string
  readonly timeouts: Timeouts
}

type Argument = string | Buffer

/** Sessions in Redis, one hash each. Every method is one round trip. */
export function redisStore(options: RedisOptions): SessionStore {
  const { loadMs, commitMs } = options.timeouts
  const connection = redisConnection(options.url, options.timeouts)
  const keyOf = (key: string) => `${options.namespace}:s:${key}`

  return {
    load(key) {
      return connection.run('load a session', loadMs, async (client) => {
        const [flat, ttlMs] = await Promise.all([
          client.sendCommand<Buffer[]>(['HGETALL', keyOf(key)]),
          client.sendCommand<number>(['PTTL', keyOf(key)]),
        ])
        return flat.length === 0 ? undefined : { fields: fieldsOf(flat), ttlMs }
      })
    },

    create(key, fields, ttlMs) {
      return write(async (client) => {
        const made = await evaluate<number>(client, scripts.create, [keyOf(key)], [String(ttlMs), ...flatten(fields)])
        return made === 1
      })
    },

    commit(key, change, ttlMs) {
      return write(async (client) => {
        const commands: Argument[][] = []
        if (change.set.size > 0) commands.push(['HSET', keyOf(key), ...flatten(change.set)])
        if (change.remove.length > 0) commands.push(['HDEL', keyOf(key), ...change.remove])
        commands.push(['HINCRBY', keyOf(key), '@v', '1'], ['PEXPIRE', keyOf(key), String(ttlMs)])
        return isAlive((await transaction(client, [...commands, ['HMGET', keyOf(key), '@c', '@x']])).at(-1))
      })
    },

    update(key, { field, etag, value }, ttlMs) {
      return write(async (client) => {
        const args = [String(ttlMs), field, etag, ...(value === undefined ? [] : [value])]
        const reply = await evaluate<(Buffer | null | undefined)[]>(client, scripts.update, [keyOf(key)], args)
        const outcome = reply[0]?.toString()
        if (outcome === 'conflict') return { outcome, value: reply[1] ?? undefined }
        return { outcome: outcome === 'done' ? 'done' : 'dead' }
      })
    },

    destroy(key) {
      return write(async (client) => {
        const replies = await transaction(client, [
          ['HMGET', keyOf(key), '@c', '@x'],
          ['UNLINK', keyOf(key)],
          ['HSET', keyOf(key), '@x', 'd'],
          ['PEXPIRE', keyOf(key), String(tombstoneTtlMs)],
        ])
        return isAlive(replies[0])
      })
    },

    rotate(rotation, ttlMs) {
      return write(async (client) => {
        const flat = await evaluate<Buffer[]>(
          client,
          scripts.rotate,
          [keyOf(rotation.from), keyOf(rotation.to)],
          [
            String(ttlMs),
            rotation.tombstone,
            String(tombstoneTtlMs),
            rotation.keepAttributes ? '1' : '0',
            String(rotation.remove.length),
            ...rotation.remove,
            ...flatten(rotation.set),
          ],
        )
        return flat.length === 0 ? undefined : fieldsOf(flat)
      })
    },

    async touch(key, ttlMs) {
      await write((client) => client.sendCommand(['PEXPIRE', keyOf(key), String(ttlMs)]))
    },

    close: connection.close,
  }

  function write<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    return connection.run('commit a session', commitMs, work)
  }
}

/** All or nothing, sent at once. Rejects if any command failed. */
async function transaction(client: RedisClient, commands: readonly Argument[][]): Promise<unknown[]> {
  const replies = await Promise.all([
    client.sendCommand(['MULTI']),
    ...commands.map((command) => client.sendCommand(command)),
    client.sendCommand<unknown[] | null>(['EXEC']),
  ])
  const results = replies.at(-1)
  if (!Array.isArray(results)) throw unavailable('Redis dropped a transaction')
  for (const result of results) if (result instanceof Error) throw result
  return results
}

async function evaluate<T>(client: RedisClient, script: Script, keys: string[], args: Argument[]): Promise<T> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await client.sendCommand<T>(['EVALSHA', script.sha1, ...rest])
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.sendCommand<T>(['EVAL', script.lua, ...rest])
  }
}

function isAlive(reply: unknown): boolean {
  return Array.isArray(reply) && reply[0] !== null && reply[1] === null
}

function flatten(fields: Fields): Argument[] {
  return [...fields].flat()
}

function fieldsOf(flat: readonly Buffer[]): Map<string, Buffer> {
  const fields = new Map<string, Buffer>()
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i]!.toString(), flat[i + 1]!)
  return fields
}
