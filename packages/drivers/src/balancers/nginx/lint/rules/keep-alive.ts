import { isAtLeast } from '../../process.ts'
import type { Directive } from '../directive.ts'
import { durationMs } from '../duration.ts'
import { inEffect, type NginxRule, type NginxSite, whereOf, within } from '../site.ts'

const defaultIdleMs = 60_000

/** Connections to the nodes are kept open between requests, and closed by nginx before the app does. */
export const keepAliveRules: readonly NginxRule[] = [
  {
    id: 'keepalive-missing',
    check(site) {
      if (site.pool === null || keepsAlive(site, site.pool)) return []
      const message =
        `upstream ${site.options.name} has no keepalive: every request opens a connection of its own to a node, ` +
        'which costs a round trip, and ports under load'
      const remedy = 'keepalive 32; in the upstream, below its servers'
      return [{ level: 'warning', where: whereOf(site.pool), message, remedy }]
    },
  },
  {
    id: 'keepalive-outlives-app',
    check(site) {
      const { pool, options } = site
      if (pool === null || options.appKeepAliveMs === null || !keepsAlive(site, pool)) return []
      const setting = within(pool, 'keepalive_timeout')[0]
      const idleMs = setting === undefined ? defaultIdleMs : durationMs(setting.args[0] ?? '')
      if (idleMs === null || idleMs < options.appKeepAliveMs) return []
      const message =
        `nginx keeps idle connections to the nodes for ${inSeconds(idleMs)}${setting === undefined ? ' (the default)' : ''}, ` +
        `the app closes them after ${inSeconds(options.appKeepAliveMs)}: a request sent just then is lost, ` +
        'a 502 for every POST it happens to'
      const remedy =
        `keepalive_timeout ${shorter(options.appKeepAliveMs)}; in the upstream, or a longer one in the app ` +
        `(Node.js: server.keepAliveTimeout = ${idleMs + 5_000})`
      const where = whereOf(setting ?? within(pool, 'keepalive')[0] ?? pool)
      return [{ level: 'problem', where, message, remedy }]
    },
  },
  {
    id: 'proxy-http-version',
    check(site) {
      return site.passes.flatMap((pass) => {
        if (pass.name !== 'proxy_pass') return []
        const setting = inEffect(pass, 'proxy_http_version')[0]
        const isOld = setting === undefined ? !isDefault(site) : setting.args[0] === '1.0'
        if (!isOld) return []
        const message =
          'requests go to the nodes as HTTP/1.0: no connection to a node is used twice, and no WebSocket gets through'
        return [{ level: 'warning', where: whereOf(setting ?? pass), message, remedy: 'proxy_http_version 1.1;' }]
      })
    },
  },
  {
    id: 'connection-header',
    check(site) {
      return site.passes.flatMap((pass) => {
        if (pass.name !== 'proxy_pass') return []
        const closing = closes(site, pass)
        if (closing === null) return []
        const message = `nginx sends "Connection: close" to the nodes${closing.why}: no connection to a node is used twice`
        return [{ level: 'warning', where: whereOf(closing.directive), message, remedy: closing.remedy }]
      })
    },
  },
]

/** Since 1.29.7 nginx speaks HTTP/1.1 to upstreams and keeps connections open without being told. */
function isDefault({ options }: NginxSite): boolean {
  return options.build !== null && isAtLeast(options.build, '1.29.7')
}

function keepsAlive(site: NginxSite, pool: Directive): boolean {
  const setting = within(pool, 'keepalive')[0]
  if (setting !== undefined) return setting.args[0] !== '0'
  const balancer = pool.block?.find(({ name }) => name === 'balancer_by_lua_block')
  return isDefault(site) || (balancer?.lua?.includes('enable_keepalive') ?? false)
}

/** What makes nginx send `Connection: close`; null where nothing does. */
function closes(site: NginxSite, pass: Directive): { directive: Directive; why: string; remedy: string } | null {
  const headers = inEffect(pass, 'proxy_set_header')
  const header = headers.find(({ args }) => args[0]?.toLowerCase() === 'connection')
  if (header === undefined) {
    if (isDefault(site)) return null
    return { directive: pass, why: ' (the default)', remedy: 'proxy_set_header Connection "";' }
  }
  const [, value = ''] = header.args
  if (value.toLowerCase() === 'close') return { directive: header, why: '', remedy: 'proxy_set_header Connection "";' }

  // The recipe for WebSockets: map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  const variable = value.replace(/^\$\{(\w+)\}$/, '$$$1')
  const map = site.all.find(({ name, args }) => name === 'map' && args[1] === variable && args[0] === '$http_upgrade')
  const entry = ['', 'default']
    .map((key) => map?.block?.find(({ name }) => name === key))
    .find((found) => found !== undefined)
  if (entry?.args[0]?.toLowerCase() !== 'close') return null
  return { directive: entry, why: ` without an Upgrade (${variable})`, remedy: `'' ''; in the map of ${variable}` }
}

function shorter(limitMs: number): string {
  const ms = limitMs * 0.8
  return ms >= 1_000 ? `${Math.floor(ms / 1_000)}s` : `${Math.floor(ms)}ms`
}

function inSeconds(ms: number): string {
  return `${ms / 1_000} s`
}
