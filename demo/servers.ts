import { findServer, installCommand, type ServerName } from '@baton/testkit'
import type { DemoArguments } from './arguments.ts'

/** What to tell the user where a server that was asked for is not installed; null where all are. */
export function missingServers({ balancer, redis }: DemoArguments): string | null {
  const wanted: ServerName[] = []
  if (balancer === 'nginx') wanted.push('nginx', 'nginx-lua')
  if (balancer === 'haproxy') wanted.push('haproxy')
  if (redis) wanted.push('redis-server')
  const missing = wanted.filter((name) => findServer(name) === null)
  if (missing.length === 0) return null
  const names = missing.map((name) => (name === 'nginx-lua' ? "nginx's Lua module" : name)).join(' and ')
  return `For this the demo needs ${names}. On Debian and Ubuntu:\n\n  ${installCommand(...missing)}\n`
}
