import { findServer, installCommand, type ServerName } from '@baton/testkit'
import type { DemoArguments } from './arguments.ts'

/** What to tell the user where a server that was asked for is not installed; null where all are. */
export function missingServers({ balancer, redis, tomcat }: DemoArguments): string | null {
  const wanted: ServerName[] = []
  if (balancer === 'nginx') wanted.push('nginx', 'nginx-lua')
  if (balancer === 'haproxy') wanted.push('haproxy')
  if (redis) wanted.push('redis-server')
  if (tomcat) wanted.push('tomcat', 'javac', 'maven')
  const missing = wanted.filter((name) => findServer(name) === null)
  if (missing.length === 0) return null
  const words: Partial<Record<ServerName, string>> = {
    'nginx-lua': "nginx's Lua module",
    javac: 'a JDK',
    maven: 'Maven',
  }
  const names = missing.map((name) => words[name] ?? name).join(' and ')
  return `For this the demo needs ${names}. On Debian and Ubuntu:\n\n  ${installCommand(...missing)}\n`
}
