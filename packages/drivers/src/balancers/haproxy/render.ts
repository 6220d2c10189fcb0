import { type Address, formatAddress, type HealthConfig } from '@baton/core'
import { assertName } from './name.ts'

export interface HaproxyRendering {
  readonly backend: string
  readonly socketPath: string
  /** Absolute: see serverStateFileOf. */
  readonly serverStateFile: string
  readonly nodes: readonly { readonly id: string; readonly address: Address; readonly weight: number }[]
  readonly health: HealthConfig
  /** Where a frontend listens; null: the user's own frontends use the backend. */
  readonly listen: Address | null
}

/**
 * What `baton balancer config` prints: what haproxy.cfg needs so that Baton can deploy behind it. It is complete, and
 * may stand in a file of its own (`haproxy -f haproxy.cfg -f baton.cfg`): HAProxy adds several global sections up.
 */
export function renderHaproxy(options: HaproxyRendering): string {
  assertName(options.backend, 'the backend')
  for (const { id } of options.nodes) assertName(id, 'a node')
  const sections = [globalSection(options), ...frontendSection(options), backendSection(options)]
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function globalSection({ socketPath }: HaproxyRendering): string[] {
  return [
    'global',
    '    # The runtime API: add `user` if Baton does not run as the user who starts HAProxy.',
    `    stats socket ${quote(socketPath)} mode 600 level admin`,
    '    # A process replaced by a reload lives as long as its last request, and until then Baton sees no node as drained.',
    '    hard-stop-after 5m',
  ]
}

function frontendSection({ backend, listen }: HaproxyRendering): string[][] {
  if (listen === null) return []
  return [
    [
      `frontend ${backend}-in`,
      '    mode http',
      `    bind ${formatAddress(listen)}`,
      '    timeout client 60s',
      '    timeout http-request 10s',
      '    # Shorter than a drain waits: idle clients must not keep a replaced process alive.',
      '    timeout http-keep-alive 15s',
      '    # On a reload idle clients are told with their next answer, instead of being cut off while they send.',
      '    option idle-close-on-response',
      '    option http-ignore-probes',
      `    default_backend ${backend}`,
    ],
  ]
}

function backendSection({ backend, serverStateFile, nodes, health }: HaproxyRendering): string[] {
  const { intervalMs, timeoutMs, rise, fall } = health
  return [
    `backend ${backend}`,
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
    '    # A client that is gone is not waited for.',
    '    option abortonclose',
    '',
    '    # Idle connections end before the app closes them (Node.js: after 5 s).',
    '    http-reuse safe',
    ...checkLines(health),
    `    default-server check inter ${intervalMs}ms rise ${rise} fall ${fall} pool-purge-delay 1s`,
    ...nodes.map(({ id, address, weight }) => `    server ${id} ${formatAddress(address)} weight ${weight}`),
  ]
}

/** Without these lines `check` only connects. */
function checkLines({ type, path, status }: HealthConfig): string[] {
  if (type === 'tcp') return ['']
  const ranges = status.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
  return [
    '',
    '    option httpchk',
    `    http-check send meth GET uri ${quote(path)} ver HTTP/1.1 hdr Host localhost`,
    `    http-check expect status ${ranges.join(',')}`,
  ]
}

/** Configuration manual 2.2: within single quotes nothing has a meaning, but a single quote ends them. */
function quote(word: string): string {
  return /^[\w/.:@%+,=?&~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
