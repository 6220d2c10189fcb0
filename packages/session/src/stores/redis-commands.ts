import type { Fields } from '../format/record.ts'
import { unavailable } from './deadline.ts'
import type { Script } from './redis-scripts.ts'
import type { Argument, Command } from './redis-servers.ts'
import { type Change, type Stored, tombstoneTtlMs } from './store.ts'

/** Replies of HGETALL and PTTL. */
export function loadCommands(key: string): Command[] {
  return [
    ['HGETALL', key],
    ['PTTL', key],
  ]
}

export function readStored(replies: readonly unknown[]): Stored | undefined {
  const flat = replies[0] as Buffer[]
  return flat.length === 0 ? undefined : { fields: fieldsOf(flat), ttlMs: replies[1] as number }
}

/**
 * The last command reads the key: with NOLOOP, a write alone would make Redis forget that this connection tracks it.
 * It goes on, harmlessly, where the session is dead: what it adds to a tombstone, or beside it, never makes it alive.
 */
export function commitCommands(key: string, change: Change, ttlMs: number): Command[] {
  const commands: Command[] = [['MULTI']]
  if (change.set.size > 0) commands.push(['HSET', key, ...flatten(change.set)])
  if (change.remove.length > 0) commands.push(['HDEL', key, ...change.remove])
  commands.push(
    ['HINCRBY', key, '@v', '1'],
    ['PEXPIRE', key, String(ttlMs)],
    ['HMGET', key, '@c', '@x', '@v'],
    ['EXEC'],
  )
  return commands
}

/** `exec`: the reply of EXEC for `commitCommands`. The new version; undefined if the session was dead. */
export function readCommitted(exec: unknown): number | undefined {
  const meta = executed(exec).at(-1)
  return isAlive(meta) ? Number(meta[2]) : undefined
}

export function destroyCommands(key: string): Command[] {
  return [
    ['MULTI'],
    ['HMGET', key, '@c', '@x'],
    ['UNLINK', key],
    ['HSET', key, '@x', 'd'],
    ['PEXPIRE', key, String(tombstoneTtlMs)],
    ['EXEC'],
  ]
}

export function readDestroyed(exec: unknown): boolean {
  return isAlive(executed(exec)[0])
}

/** By hash only; whoever sends it knows what to do about NOSCRIPT. */
export function evaluate(script: Script, keys: readonly string[], args: readonly Argument[]): Command {
  return ['EVALSHA', script.sha1, String(keys.length), ...keys, ...args]
}

export function flatten(fields: Fields): Argument[] {
  const flat: Argument[] = []
  for (const [name, value] of fields) flat.push(name, value)
  return flat
}

export function fieldsOf(flat: readonly Buffer[]): Map<string, Buffer> {
  const fields = new Map<string, Buffer>()
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i]!.toString(), flat[i + 1]!)
  return fields
}

/** A command may fail inside a transaction, and the others happen all the same (WRONGTYPE): that is an error as well. */
function executed(exec: unknown): readonly unknown[] {
  if (!Array.isArray(exec)) throw unavailable('Redis dropped a transaction')
  for (const result of exec) if (result instanceof Error) throw result
  return exec
}

function isAlive(meta: unknown): meta is Buffer[] {
  return Array.isArray(meta) && meta[0] !== null && meta[1] === null
}
