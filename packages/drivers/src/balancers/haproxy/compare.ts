import { type Address, type BatonError, formatAddress } from '@baton/core'
import type { Finding } from '../finding.ts'
import { readBackend, type Server } from './backend.ts'
import { assertName } from './name.ts'
import { configFilesOf } from './processes.ts'
import { askHaproxy } from './runtime-socket.ts'

export interface RunningHaproxy {
  readonly version: string
  readonly socketPath: string
  readonly backend: string
  /** What the socket allows: `user`, `operator` or `admin`. */
  readonly level: string
  /** What it was started with, as absolute paths; null where that cannot be seen from here. */
  readonly configFiles: readonly string[] | null
  /** null: there is no such backend. */
  readonly servers: readonly RunningServer[] | null
}

export type RunningServer = Pick<Server, 'name' | 'address' | 'namedAddress' | 'isChecked' | 'isHttp'>

export interface WantedBackend {
  readonly nodes: readonly { readonly id: string; readonly address: Address }[]
}

/** Asks the running HAProxy, and changes nothing. Fails with `balancer-unreachable`. */
export async function readHaproxy(
  { socketPath, backend }: { readonly socketPath: string; readonly backend: string },
  { signal }: { readonly signal: AbortSignal },
): Promise<RunningHaproxy> {
  const socket = { path: socketPath }
  assertName(backend, 'the backend')
  const [level = '', info = ''] = (await askHaproxy(socket, ['show cli level', 'show info'], { signal })) ?? []
  const pid = Number(/^Pid: (\d+)$/m.exec(info)?.[1])
  const version = /^Version: (.*)$/m.exec(info)?.[1] ?? 'unknown'
  const servers = await readBackend(socket, backend, { signal }).then(
    (found) => found.servers,
    (error: BatonError) => {
      if (error.code === 'unknown-backend') return null
      throw error
    },
  )
  return { version, socketPath, backend, level, configFiles: await configFilesOf(pid), servers }
}

/** What the running HAProxy has otherwise than baton.yaml wants it: what haproxy.cfg says is not asked. */
export function compareHaproxy(running: RunningHaproxy, { nodes }: WantedBackend): readonly Finding[] {
  const { backend, servers, level, socketPath } = running
  const where = socketPath
  const findings: Finding[] = []
  if (level !== 'admin') {
    findings.push({
      rule: 'socket-not-admin',
      level: 'problem',
      where,
      message: `the running HAProxy gives this socket level ${level}, so that no node can be taken out`,
      remedy: `stats socket ${socketPath} mode 600 level admin`,
    })
  }
  if (servers === null) {
    const message = `the running HAProxy has no backend ${backend}`
    const remedy =
      'paste what `baton balancer config` prints into haproxy.cfg and reload HAProxy; or set balancer.backend'
    return [...findings, { rule: 'backend-missing', level: 'problem', where, message, remedy }]
  }
  for (const node of nodes) {
    const server = servers.find(({ name }) => name === node.id)
    findings.push(...(server === undefined ? [missing(running, node)] : different(running, { server, node })))
  }
  for (const { name, address } of servers) {
    if (nodes.some(({ id }) => id === name)) continue
    const message = `server ${backend}/${name} (${address}) gets requests and is no node of baton.yaml: it keeps its release`
    const remedy = `nodes: { ${name}: { address: ${address} } } in baton.yaml, or remove the server from haproxy.cfg`
    findings.push({ rule: 'server-unknown', level: 'warning', where, message, remedy })
  }
  return findings
}

type Node = WantedBackend['nodes'][number]

function missing({ backend, socketPath }: RunningHaproxy, { id, address }: Node): Finding {
  return {
    rule: 'server-missing',
    level: 'problem',
    where: socketPath,
    message: `the running HAProxy has no server ${backend}/${id}: this node gets no requests, and cannot be deployed to`,
    remedy: `server ${id} ${formatAddress(address)} check in backend ${backend}, and reload HAProxy`,
  }
}

function different({ backend, socketPath }: RunningHaproxy, { server, node }: { server: RunningServer; node: Node }) {
  const findings: Finding[] = []
  const add = (rule: string, level: Finding['level'], message: string, remedy: string) =>
    findings.push({ rule, level, where: socketPath, message: `server ${backend}/${node.id} ${message}`, remedy })
  const wanted = formatAddress(node.address)
  if (wanted !== server.address && wanted !== server.namedAddress && !isLoopbackOf(wanted, server.address)) {
    const message = `is at ${server.namedAddress ?? server.address}, in baton.yaml at ${wanted}: a deploy would drain one app and stop another`
    add('server-differs', 'problem', message, `server ${node.id} ${wanted} check in haproxy.cfg, and reload HAProxy`)
  }
  if (!server.isHttp) {
    const message =
      'is in a backend of mode tcp: HAProxy counts connections there, and idle clients would keep a node draining'
    add('mode-tcp', 'problem', message, `mode http in backend ${backend}`)
  }
  if (!server.isChecked) {
    add(
      'check-missing',
      'warning',
      'has no health check: HAProxy does not notice when it dies',
      `check on the line of server ${node.id}`,
    )
  }
  return findings
}

/** `localhost` of baton.yaml, as HAProxy has resolved it. */
function isLoopbackOf(wanted: string, found: string): boolean {
  const port = /^localhost(:\d+)$/.exec(wanted)?.[1]
  return port !== undefined && (found === `127.0.0.1${port}` || found === `[::1]${port}`)
}
