import { evaluate, fieldsOf } from './redis-commands.ts'
import type { RedisKeys } from './redis-keys.ts'
import { scripts } from './redis-scripts.ts'
import type { RedisServers } from './redis-servers.ts'
import type { Listed, ListPage } from './store.ts'

const defaultLimit = 100

/** SCAN may give a key twice while its table grows: figures for operators, not for accounts. */
export async function countSessions(servers: RedisServers, keys: RedisKeys): Promise<number> {
  let count = 0
  let cursor: string | undefined
  do {
    const page = await scanPage(servers, keys, cursor, 1000)
    const alive = page.sessions.map((key) =>
      servers.run('commit', keys.session(key), [['HMGET', keys.session(key), '@c', '@x']], ([meta]) => {
        const [created, dead] = meta as (Buffer | null)[]
        return created !== null && dead === null
      }),
    )
    count += (await Promise.all(alive)).filter(Boolean).length
    cursor = page.cursor
  } while (cursor !== undefined)
  return count
}

export async function listSessions(servers: RedisServers, keys: RedisKeys, page: ListPage) {
  const { owner, cursor, limit = defaultLimit } = page
  const found =
    owner === undefined
      ? await scanPage(servers, keys, cursor, limit)
      : await ownerPage(servers, keys.list(owner), cursor ?? '0', limit)
  const entries = await Promise.all(found.sessions.map((key) => inspect(servers, keys, key)))
  const alive = entries.filter((entry) => entry !== undefined)
  return found.cursor === undefined ? { entries: alive } : { entries: alive, cursor: found.cursor }
}

interface Page {
  readonly sessions: readonly string[]
  readonly cursor?: string
}

/** A cursor names the server that it is of: `<cursor>@<server>`. */
async function scanPage(
  servers: RedisServers,
  keys: RedisKeys,
  from: string | undefined,
  limit: number,
): Promise<Page> {
  const masters = servers.masters()
  const [position = '0', server = masters[0] ?? ''] = from === undefined ? [] : split(from)
  const prefix = keys.session('')
  const command = ['SCAN', position, 'MATCH', `${escaped(prefix)}*`, 'COUNT', String(limit)]
  const [next, names] = await servers.runOn(server, 'commit', [command], pageReply)
  const sessions = [...new Set(names.map((name) => name.slice(prefix.length)))]
  if (next !== '0') return { sessions, cursor: `${next}@${server}` }
  const following = masters[masters.indexOf(server) + 1]
  return following === undefined ? { sessions } : { sessions, cursor: `0@${following}` }
}

async function ownerPage(servers: RedisServers, list: string, from: string, limit: number): Promise<Page> {
  const command = ['ZSCAN', list, from, 'COUNT', String(limit)]
  const [next, flat] = await servers.run('commit', list, [command], pageReply)
  const sessions = [...new Set(flat.filter((_, i) => i % 2 === 0))]
  return next === '0' ? { sessions } : { sessions, cursor: next }
}

/** Read as a reply, so that a damaged one is an answer that the store failed to give. */
function pageReply([reply]: readonly unknown[]): [next: string, items: string[]] {
  const [next, items] = reply as [unknown, unknown]
  if (!Buffer.isBuffer(next) || !Array.isArray(items)) throw new Error('a page that is none')
  return [next.toString(), items.map(String)]
}

function inspect(servers: RedisServers, keys: RedisKeys, key: string): Promise<Listed | undefined> {
  const name = keys.session(key)
  return servers.run('commit', name, [evaluate(scripts.inspect, [name], [])], ([reply]) => {
    if (reply === null) return undefined
    const [bytes, ttlMs, meta] = reply as [number, number, Buffer[]]
    return { key, meta: fieldsOf(meta), ttlMs, bytes }
  })
}

function split(cursor: string): [string, string] {
  const at = cursor.indexOf('@')
  return [cursor.slice(0, at), cursor.slice(at + 1)]
}

/** Namespaces hold nothing that SCAN's patterns give a meaning to; who widens them finds this here. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&')
}
