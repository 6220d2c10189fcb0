import type { Section } from '../sections.ts'
import { namesOf, parameter, type Server, serversOf } from '../servers.ts'
import { durationMs, inEffect, option, timeoutMs } from '../settings.ts'
import { backendRule, type HaproxyRule, type HaproxySite } from '../site.ts'

/** The conditions of retry-on under which the server saw nothing of the request. */
const unsent = ['none', 'conn-failure', '0rtt-rejected']
const defaultPurgeMs = 5_000
/** Each purge closes half of the idle connections: after so many, one in sixteen is left. */
const purges = 4

/** No request is lost on its way to a node, and none is processed twice. */
export const requestRules: readonly HaproxyRule[] = [
  backendRule('retry-on-sent', (backend, site) => {
    const setting = inEffect(backend, 'retry-on').at(-1)
    const risky = setting?.args.filter((condition) => !unsent.includes(condition)) ?? []
    const isLimited = backend.lines.some(
      ({ keyword, args }) => keyword === 'http-request' && args[0] === 'disable-l7-retry',
    )
    if (setting === undefined || risky.length === 0 || isLimited) return []
    const message = `retry-on ${risky.join(' ')} sends a request again that a node may have processed: POSTs are done twice`
    const remedy =
      'retry-on conn-failure; or for reading requests alone: http-request disable-l7-retry unless { method GET HEAD OPTIONS }'
    return [{ level: 'problem', where: site.where(setting), message, remedy }]
  }),
  backendRule('redispatch-missing', (backend, site) => {
    if (option(backend, 'redispatch') !== null) return []
    const message =
      'without option redispatch a refused connection is tried again at the node that refused it: a node that ends unasked ' +
      'is a 503, while another could have answered'
    const remedy = `option redispatch 1; in backend ${backend.name}`
    return [{ level: 'warning', where: site.where(backend), message, remedy }]
  }),
  backendRule('idle-outlives-app', (backend, site) => {
    const limitMs = site.options.appKeepAliveMs
    if (limitMs === null || option(backend, 'http-server-close') !== null || option(backend, 'httpclose') !== null)
      return []
    const reuse = inEffect(backend, 'http-reuse').at(-1)
    const strategy = reuse?.args[0] ?? 'safe'
    if (strategy === 'never') return clientsKeepOpen(backend, site, limitMs)

    const servers = serversOf(backend).map((server) => ({ ...server, purgeMs: purgeDelayMs(server) }))
    const late = servers.filter(({ purgeMs }) => purgeMs * purges > limitMs)
    const [first] = late
    if (first === undefined) return []
    const purgeMs = Math.max(...late.map((server) => server.purgeMs))
    const message =
      `HAProxy closes half of its idle connections to ${namesOf(late)} every ${purgeMs / 1_000} s, the app closes them after ` +
      `${limitMs / 1_000} s: a request sent just then is lost ${consequence(strategy)}`
    const remedy =
      `default-server pool-purge-delay ${Math.floor(limitMs / purges)}ms; above the servers, or a longer time in the app ` +
      `(Node.js: server.keepAliveTimeout = ${Math.max(65_000, purgeMs * purges)})`
    return [{ level: strategy === 'safe' ? 'warning' : 'problem', where: site.where(first), message, remedy }]
  }),
]

/** 0 where no idle connection is kept at all. */
function purgeDelayMs(server: Server): number {
  if (parameter(server, 'pool-max-conn') === '0') return 0
  return durationMs(parameter(server, 'pool-purge-delay') ?? '') ?? defaultPurgeMs
}

function consequence(strategy: string): string {
  return strategy === 'safe'
    ? '(http-reuse safe: its client has to repeat it, which browsers do not do with a POST)'
    : `(http-reuse ${strategy}: a 502 even for the first request of a client)`
}

/** With http-reuse never a connection to a node belongs to that of a client, and idles as long. */
function clientsKeepOpen(backend: Section, site: HaproxySite, limitMs: number) {
  const idles = [backend, ...site.sections.filter(({ kind }) => kind === 'frontend' || kind === 'listen')].map(
    (section) =>
      timeoutMs(section, 'http-keep-alive') ?? timeoutMs(section, 'http-request') ?? timeoutMs(section, 'client') ?? 0,
  )
  const idleMs = Math.max(...idles)
  if (idleMs < limitMs) return []
  const message =
    `with http-reuse never a connection to a node idles as long as its client's, up to ${idleMs / 1_000} s, but the app closes ` +
    `it after ${limitMs / 1_000} s: a request sent just then is lost`
  const remedy = `option http-server-close; in backend ${backend.name}, or timeout http-keep-alive ${Math.floor(limitMs * 0.8)}ms`
  return [{ level: 'warning' as const, where: site.where(backend), message, remedy }]
}
