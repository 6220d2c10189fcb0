import type { Fields } from '../format/record.ts'
import type { Tracking } from './near-cache-tracking.ts'
import { clusterServers } from './redis-cluster.ts'
import {
  commitCommands,
  destroyCommands,
  evaluate,
  flatten,
  loadCommands,
  readCommitted,
  readDestroyed,
  readStored,
} from './redis-commands.ts'
import { redisKeys } from './redis-keys.ts'
import { countSessions, listSessions } from './redis-list.ts'
import { commitLocked, giveLockBack, takeLock } from './redis-lock.ts'
import { extendCommand, redisOwners } from './redis-owners.ts'
import { rotateAtOnce, rotateInSteps } from './redis-rotate.ts'
import { scripts } from './redis-scripts.ts'
import { sentinelServers } from './redis-sentinel.ts'
import { singleServer } from './redis-single.ts'
import { parseRedisUrl } from './redis-target.ts'
import type { SessionStore, Timeouts } from './store.ts'

export interface RedisOptions {
  /**
   * `redis://[user:password@]host[:port][/database]`, `redis+unix:///path/to.sock?db=0`,
   * `redis+sentinel://[user:password@]host:port,…/<master>[/<database>]`, `redis+cluster://host:port,…`; `rediss` for TLS.
   */
  readonly url: string
  readonly namespace: string
  readonly timeouts: Timeouts
  /** Told of what becomes of connections and keys, for a near cache. */
  readonly tracking?: Tracking
}

/** Sessions in Redis, one hash each. Every method is one round trip; in a cluster a login takes up to four, logins anew two. */
export function redisStore(options: RedisOptions): SessionStore {
  const { url, ...more } = options
  const target = parseRedisUrl(url)
  const open = { single: singleServer, sentinel: sentinelServers, cluster: clusterServers }[target.topology]
  const servers = open({ ...more, target })
  const keys = redisKeys(options.namespace)
  const owners = redisOwners(servers, keys)

  return {
    load(key) {
      const name = keys.session(key)
      return servers.run('load', name, loadCommands(name), readStored)
    },

    create(key, fields, ttlMs, owner) {
      if (owner === undefined) return create(key, fields, ttlMs)
      if (servers.isCluster) return createInSteps(key, fields, ttlMs, owner)
      const names = [keys.session(key), keys.list(owner), keys.epoch(owner)]
      const command = evaluate(scripts.createOwned, names, [String(ttlMs), key, ...flatten(fields)])
      return servers.run('commit', names[0]!, [command], isOne)
    },

    commit(key, change, ttlMs, { owner, lock: holder } = {}) {
      const name = keys.session(key)
      const isApart = servers.isCluster || holder !== undefined
      if (owner !== undefined && isApart) owners.extend(owner, key, ttlMs).catch(ignored)
      if (holder !== undefined) return commitLocked(servers, name, { change, ttlMs, holder })
      const commands = commitCommands(name, change, ttlMs)
      const execAt = commands.length - 1
      if (owner !== undefined && !isApart) commands.push(extendCommand(keys, owner, key, ttlMs))
      return servers.run('commit', name, commands, (replies) => readCommitted(replies[execAt]))
    },

    update(key, { field, etag, value }, ttlMs) {
      const args = [String(ttlMs), field, etag]
      const command = evaluate(scripts.update, [keys.session(key)], value === undefined ? args : [...args, value])
      return servers.run('commit', keys.session(key), [command], (replies) => {
        const [word, result] = replies[0] as [Buffer, unknown]
        const outcome = word.toString()
        if (outcome === 'done') return { outcome, version: result as number }
        if (outcome === 'conflict') return { outcome, value: (result as Buffer | null | undefined) ?? undefined }
        return { outcome: 'dead' }
      })
    },

    destroy(key, owner) {
      const name = keys.session(key)
      const commands = destroyCommands(name)
      const execAt = commands.length - 1
      if (owner !== undefined && !servers.isCluster) commands.push(['ZREM', keys.list(owner), key])
      const destroyed = servers.run('commit', name, commands, (replies) => readDestroyed(replies[execAt]))
      // Not before: a session must be listed for as long as it is alive.
      if (owner !== undefined && servers.isCluster) destroyed.then(() => owners.forget(owner, key)).catch(ignored)
      return destroyed
    },

    rotate(rotation, ttlMs) {
      if (!servers.isCluster) return rotateAtOnce(servers, keys, rotation, ttlMs)
      return rotateInSteps({ servers, keys, owners }, rotation, ttlMs)
    },

    touch(key, ttlMs, owner) {
      const name = keys.session(key)
      const commands = [['PEXPIRE', name, String(ttlMs)]]
      if (owner === undefined) return servers.run('commit', name, commands, ignored)
      if (!servers.isCluster) {
        return servers.run('commit', name, [...commands, extendCommand(keys, owner, key, ttlMs)], ignored)
      }
      return Promise.all([servers.run('commit', name, commands, ignored), owners.extend(owner, key, ttlMs)]).then(
        ignored,
      )
    },

    destroyAllOf: owners.destroyAll,

    lock: (key, holder, leaseMs) => takeLock(servers, keys.session(key), holder, leaseMs),
    unlock: (key, holder) => giveLockBack(servers, keys.session(key), holder),

    count: () => countSessions(servers, keys),
    list: (page) => listSessions(servers, keys, page),

    health: () => servers.health(),
    close: () => servers.close(),
  }

  function create(key: string, fields: Fields, ttlMs: number): Promise<boolean> {
    const command = evaluate(scripts.create, [keys.session(key)], [String(ttlMs), ...flatten(fields)])
    return servers.run('commit', keys.session(key), [command], isOne)
  }

  async function createInSteps(key: string, fields: Fields, ttlMs: number, owner: string): Promise<boolean> {
    const epoch = await owners.announce(owner, key, ttlMs)
    if (!(await create(key, new Map([...fields, ['@e', Buffer.from(epoch)]]), ttlMs))) return false
    await owners.confirm(owner, key, epoch, ttlMs)
    return true
  }
}

function isOne(replies: readonly unknown[]): boolean {
  return replies[0] === 1
}

function ignored(): void {}
