import { setTimeout as sleep } from 'node:timers/promises'
import { SessionError } from '../errors.ts'
import { evaluate } from './redis-commands.ts'
import type { RedisKeys } from './redis-keys.ts'
import { ownerSlackMs, scripts } from './redis-scripts.ts'
import type { Command, RedisServers } from './redis-servers.ts'
import { tombstoneTtlMs } from './store.ts'

const batchSize = 100
const isNotItsTurn = -2

/** A user's list of sessions and their epoch, each on its own server where Redis is a cluster. */
export interface RedisOwners {
  /** Lists a session before it becomes visible; gives the epoch that it is to carry. */
  announce(owner: string, key: string, ttlMs: number): Promise<string>
  /** Rejects with `session-gone` if the user was logged out everywhere since; the session is ended then. */
  confirm(owner: string, key: string, epoch: string, ttlMs: number): Promise<void>
  /** The session will live for ttlMs more, if it is listed. */
  extend(owner: string, key: string, ttlMs: number): Promise<void>
  forget(owner: string, key: string): Promise<void>
  epoch(owner: string, ttlMs: number): Promise<string>
  destroyAll(owner: string, except: string | undefined): Promise<number>
}

export function redisOwners(servers: RedisServers, keys: RedisKeys): RedisOwners {
  return {
    async announce(owner, key, ttlMs) {
      const [, epoch] = await Promise.all([enlist(owner, key, ttlMs), epochOf(owner, ttlMs)])
      return epoch
    },

    async confirm(owner, key, epoch, ttlMs) {
      const now = await epochOf(owner, ttlMs)
      if (Number(now) <= Number(epoch)) return
      await kill([key], now, '0')
      throw loggedOut()
    },

    async extend(owner, key, ttlMs) {
      await servers.run('commit', keys.list(owner), [extendCommand(keys, owner, key, ttlMs)], nothing)
    },

    async forget(owner, key) {
      await servers.run('commit', keys.list(owner), [['ZREM', keys.list(owner), key]], nothing)
    },

    epoch: epochOf,

    /**
     * The epoch comes first: a login that has read the old one is listed by now, or finds the new one when it reads it
     * again. It outlives every session that may carry it.
     */
    async destroyAll(owner, except) {
      const list = keys.list(owner)
      const listTtlMs = await servers.run('commit', list, [['PTTL', list]], ([ttl]) => Number(ttl))
      const keepMs = Math.max(listTtlMs, 0) + ownerSlackMs
      const raise = evaluate(scripts.raise, [keys.epoch(owner)], [String(keepMs)])
      const epoch = await servers.run('commit', keys.epoch(owner), [raise], ([raised]) => String(raised))
      const members = await servers.run('commit', list, [['ZRANGE', list, '0', '-1']], ([all]) =>
        (all as Buffer[]).map(String),
      )
      if (except !== undefined) await spare(except, epoch)
      let ended = 0
      for (let at = 0; at < members.length; at += batchSize) {
        const batch = members.slice(at, at + batchSize).filter((key) => key !== except)
        if (batch.length === 0) continue
        const outcomes = await kill(batch, epoch, '0')
        ended += outcomes.filter((outcome) => outcome === 1).length
        // What is not there yet may be a login under way: it stays listed until its time is over.
        const gone = batch.filter((_, i) => outcomes[i] !== -1)
        if (gone.length > 0) await servers.run('commit', list, [['ZREM', list, ...gone]], nothing)
      }
      return ended
    },
  }

  async function enlist(owner: string, key: string, ttlMs: number): Promise<void> {
    const command = evaluate(scripts.enlist, [keys.list(owner)], [key, String(ttlMs), '0'])
    await servers.run('commit', keys.list(owner), [command], nothing)
  }

  function epochOf(owner: string, ttlMs: number): Promise<string> {
    const command = evaluate(scripts.epoch, [keys.epoch(owner)], [String(ttlMs)])
    return servers.run('commit', keys.epoch(owner), [command], ([epoch]) => String(epoch))
  }

  /** Where several log out everywhere at once, it belongs to their epochs one after the other. */
  async function spare(key: string, epoch: string): Promise<void> {
    for (let pauseMs = 10; pauseMs <= 640; pauseMs *= 2) {
      const [outcome] = await kill([key], epoch, '1')
      if (outcome !== isNotItsTurn) return
      await sleep(pauseMs)
    }
  }

  function kill(sessions: readonly string[], epoch: string, spare: '0' | '1'): Promise<number[]> {
    const outcomes = sessions.map((key) => {
      const command = evaluate(scripts.kill, [keys.session(key)], [epoch, String(tombstoneTtlMs), spare])
      return servers.run('commit', keys.session(key), [command], ([outcome]) => Number(outcome))
    })
    return Promise.all(outcomes)
  }
}

/** To be sent along with a commit, where one server holds both keys. */
export function extendCommand(keys: RedisKeys, owner: string, key: string, ttlMs: number): Command {
  return evaluate(scripts.enlist, [keys.list(owner)], [key, String(ttlMs), '1'])
}

function loggedOut(): SessionError {
  return new SessionError(
    'session-gone',
    'the user was logged out everywhere during this login; have them log in again',
  )
}

function nothing(): void {}
