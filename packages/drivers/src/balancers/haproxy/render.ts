import { type Address, formatAddress, type HealthConfig } from '@baton/core'
import { assertName } from './name.ts'

export interface HaproxyRendering {
  readonly backend: string
  readonly socketPath: string
  /** Absolute: see serverStateFileOf. */
  readonly serverStateFile: string
  readonly nodes: readonly { readonly id: string; readonly address: Address; readonly weight: number }[]
  readonly health: HealthConfig
  /** Where clients connect; null: the user's own frontends use the backend. */
  readonly listen: Address | null
}

/**
 * What `baton balancer config` prints: what haproxy.cfg needs so that Baton can deploy behind it. It is complete, and
 * may stand in a file of its own (`haproxy -f haproxy.cfg -f baton.cfg`): HAProxy adds several global sections up.
 */
export function renderHaproxy(options: HaproxyRendering): string {
  assertName(options.backend, 'the backend')
  for (const { id } of options.nodes) assertName(id, 'a node')
  return `${[...globalLines(options), '', ...backendLines(options)].join('\n')}\n`
}

function globalLines({ socketPath }: HaproxyRendering): string[] {
  return [
    'global',
    '    # The runtime API. Add `user` where Baton does not run as the user who starts HAProxy.',
    `    stats socket ${quote(socketPath)} mode 600 level admin`,
    '    # A process replaced by a reload ends with its last request; until then no node counts as drained.',
    '    hard-stop-after 5m',
  ]
}

function backendLines({ backend, listen, serverStateFile, nodes, health }: HaproxyRendering): string[] {
  const { intervalMs, timeoutMs, rise, fall } = health
  return [
    ...(listen === null ? [`backend ${backend}`] : entranceLines(backend, listen)),
    '    mode http',
    '    balance roundrobin',
    '    option forwardfor',
    '    timeout connect 2s',
    '    timeout queue 30s',
    '    timeout server 60s',
    '    timeout tunnel 1h',
    `    timeout check ${timeoutMs}ms`,
    '',
    '    # Nodes that are out stay out when HAProxy is reloaded or started again.',
    '    load-server-state-from-file local',
    `    server-state-file-name ${quote(serverStateFile)}`,
    '',
    '    # Another node is tried only if the connection was refused: nothing is ever sent twice.',
    '    retries 3',
    '    retry-on conn-failure',
    '    option redispatch 1',
    ...(listen === null
      ? [
          '    # A client that is gone is not waited for. Older HAProxys heed this in `defaults` alone: put it there as well.',
        ]
      : ['    # A client that is gone is not waited for.']),
    '    option abortonclose',
    '',
    '    # Idle connections end before the app closes them (Node.js: after 5 s).',
    '    http-reuse safe',
    '',
    ...checkLines(health),
    `    default-server check inter ${intervalMs}ms rise ${rise} fall ${fall} pool-purge-delay 1s`,
    ...nodes.map(({ id, address, weight }) => `    server ${id} ${formatAddress(address)} weight ${weight}`),
  ]
}

/** Frontend and backend in one section: only there every HAProxy heeds `option abortonclose` (haproxy/haproxy#2344). */
function entranceLines(backend: string, listen: Address): string[] {
  return [
    `listen ${backend}`,
    `    bind ${formatAddress(listen)}`,
    '    timeout client 60s',
    '    timeout http-request 10s',
    '    # Shorter than a drain waits: idle clients must not keep a replaced process alive.',
    '    timeout http-keep-alive 15s',
    '    # On a reload idle clients are told with their next answer, instead of being cut off while they send.',
    '    option idle-close-on-response',
    '    option http-ignore-probes',
  ]
}

/** Without these lines `check` only connects. */
function checkLines({ type, path, status }: HealthConfig): string[] {
  if (type === 'tcp') return []
  const ranges = status.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
  return [
    '    option httpchk',
    `    http-check send meth GET uri ${quote(path)} ver HTTP/1.1 hdr Host localhost`,
    `    http-check expect status ${ranges.join(',')}`,
  ]
}

/** Configuration manual 2.2: within single quotes nothing has a meaning, but a single quote ends them. */
function quote(word: string): string {
  return /^[\w/.:@%+,=?&~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
