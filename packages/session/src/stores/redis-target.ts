import { readFileSync } from 'node:fs'
import { SessionError } from '../errors.ts'

/** Where Redis is, and who we are to it. */
export interface RedisTarget {
  readonly topology: 'single' | 'sentinel' | 'cluster'
  /** Of the server, the sentinels, or some servers of the cluster. */
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]]
  /** What the sentinels call the master. */
  readonly masterName: string
  readonly database: number
  readonly login: RedisLogin
  readonly sentinelLogin: RedisLogin
  readonly tls: RedisTls | undefined
}

export type RedisAddress = { readonly host: string; readonly port: number } | { readonly path: string }

export interface RedisLogin {
  readonly username?: string
  readonly password?: string
}

export interface RedisTls {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly servername?: string
}

const schemes = /^(?:(redis|rediss)(?:\+(sentinel|cluster))?|(?:redis\+)?(unix)):\/\//
const parameters = new Set(['db', 'ca', 'cert', 'key', 'servername', 'sentinelUsername', 'sentinelPassword'])

export function isRedisUrl(url: string): boolean {
  return schemes.test(url)
}

/** Throws SessionError `session-options`. Its messages never show the URL: it may hold a password. */
export function parseRedisUrl(url: string): RedisTarget {
  const scheme = schemes.exec(url)
  const rest = /^(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url.slice(scheme?.[0].length ?? 0))
  if (scheme === null || rest === null) throw unreadable()
  const [, userinfo = '', hosts = '', path = '', queryText = ''] = rest
  const query = new URLSearchParams(queryText)
  for (const name of query.keys()) {
    if (!parameters.has(name)) {
      throw wrong(`the Redis URL has the parameter ${JSON.stringify(name)}; known are ${[...parameters].join(', ')}`)
    }
  }
  const isUnix = scheme[3] !== undefined
  const topology = (scheme[2] ?? 'single') as RedisTarget['topology']
  const [masterName = '', database = ''] = topology === 'sentinel' ? parts(path) : ['', isUnix ? '' : parts(path)[0]]
  if (topology === 'sentinel' && masterName === '') {
    throw wrong('the Redis URL names no master; write redis+sentinel://host:26379,host:26379/<master>/<database>')
  }
  const defaultPort = topology === 'sentinel' ? 26_379 : 6379
  const addresses = isUnix ? [unixAddress(hosts, path)] : hosts.split(',').map((host) => addressOf(host, defaultPort))
  const number = databaseOf(query.get('db') ?? database)
  if (topology === 'cluster' && number !== 0)
    throw wrong('a Redis Cluster has only database 0; leave it out of the URL')
  return {
    topology,
    addresses: addresses as [RedisAddress, ...RedisAddress[]],
    masterName,
    database: number,
    login: loginOf(userinfo),
    sentinelLogin: {
      ...(query.has('sentinelUsername') ? { username: query.get('sentinelUsername') ?? '' } : {}),
      ...(query.has('sentinelPassword') ? { password: query.get('sentinelPassword') ?? '' } : {}),
    },
    tls: scheme[1] === 'rediss' ? tlsOf(query) : undefined,
  }
}

function parts(path: string): string[] {
  return path.split('/').slice(1).map(decoded)
}

function databaseOf(text: string): number {
  if (/^\d{0,5}$/.test(text)) return Number(text)
  throw wrong('the database in the Redis URL is no number; write redis://host:port/0')
}

function unixAddress(hosts: string, path: string): RedisAddress {
  if (hosts !== '' || path.length < 2) throw wrong('the Redis URL has no socket; write redis+unix:///path/to.sock?db=0')
  return { path: decoded(path) }
}

function addressOf(text: string, defaultPort: number): RedisAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[3] ?? defaultPort)
  if (match === null || port < 1 || port > 65_535) throw unreadable()
  return { host: match[1] ?? match[2]!, port }
}

function loginOf(userinfo: string): RedisLogin {
  const at = userinfo.indexOf(':')
  const username = decoded(at < 0 ? userinfo : userinfo.slice(0, at))
  const password = at < 0 ? '' : decoded(userinfo.slice(at + 1))
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) }
}

function tlsOf(query: URLSearchParams): RedisTls {
  const servername = query.get('servername')
  return { ...fileOf('ca'), ...fileOf('cert'), ...fileOf('key'), ...(servername === null ? {} : { servername }) }

  function fileOf(name: 'ca' | 'cert' | 'key'): Partial<RedisTls> {
    const file = query.get(name)
    if (file === null) return {}
    try {
      return { [name]: readFileSync(file) }
    } catch (cause) {
      throw wrong(`the file ${JSON.stringify(file)}, "${name}" in the Redis URL, cannot be read`, cause)
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw unreadable()
  }
}

function unreadable(): SessionError {
  return wrong(
    'the Redis URL cannot be read; write redis://user:password@host:port/database, with what is special in the password percent-encoded',
  )
}

function wrong(message: string, cause?: unknown): SessionError {
  return new SessionError('session-options', message, { cause })
}
