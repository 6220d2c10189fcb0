import { SessionError } from '../errors.ts'
import { evaluate, fieldsOf, flatten } from './redis-commands.ts'
import { scripts } from './redis-scripts.ts'
import type { RedisServers } from './redis-servers.ts'
import type { Change, Stored } from './store.ts'

/** The lock of a session is a field of it, so that it costs no second key. All here take names of keys. */
export function takeLock(servers: RedisServers, name: string, holder: string, leaseMs: number) {
  const command = evaluate(scripts.lock, [name], [holder, String(leaseMs)])
  return servers.run('commit', name, [command], (replies): Stored | 'taken' | undefined => {
    const [outcome, flat, ttlMs] = replies[0] as [Buffer, Buffer[], number]
    if (outcome.toString() === 'done') return { fields: fieldsOf(flat), ttlMs }
    return outcome.toString() === 'taken' ? 'taken' : undefined
  })
}

export function giveLockBack(servers: RedisServers, name: string, holder: string): Promise<void> {
  return servers.run('commit', name, [evaluate(scripts.unlock, [name], [holder])], () => {})
}

export function commitLocked(
  servers: RedisServers,
  name: string,
  { change, ttlMs, holder }: { change: Change; ttlMs: number; holder: string },
): Promise<number | undefined> {
  const args = [String(ttlMs), holder, String(change.remove.length), ...change.remove, ...flatten(change.set)]
  return servers.run('commit', name, [evaluate(scripts.commitLocked, [name], args)], (replies) => {
    const [outcome, version] = replies[0] as [Buffer, number]
    if (outcome.toString() === 'lost') {
      throw new SessionError('session-conflict', 'this request has lost the lock of its session; nothing was written')
    }
    return outcome.toString() === 'done' ? version : undefined
  })
}
