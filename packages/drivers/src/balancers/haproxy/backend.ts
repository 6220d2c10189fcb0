import type { BalancerNodeView, NodeMetrics } from '@baton/core'
import {
  countIn,
  type HaproxyProcess,
  MAINTENANCE,
  processOf,
  type ServerState,
  serversOf,
  statisticsOf,
  textIn,
} from './answers.ts'
import { type AskOptions, askHaproxy, type RuntimeSocket } from './runtime-socket.ts'

/** A backend as one process of HAProxy has it at one moment. */
export interface Backend {
  readonly process: HaproxyProcess
  readonly servers: readonly Server[]
}

export interface Server extends ServerState {
  /** Requests that the server has or waits for: `scur` and `qcur`. Idle connections to it are not among them. */
  readonly inflight: number
  readonly isHttp: boolean
  readonly metrics: NodeMetrics
}

export async function readBackend(socket: RuntimeSocket, name: string, { signal }: AskOptions): Promise<Backend> {
  const commands = ['show info', `show servers state ${name}`, `show stat ${name} ${SERVERS} -1`]
  const [info = '', states = '', statistics = ''] = (await askHaproxy(socket, commands, { signal })) ?? []
  const servers = serversOf(states, name)
  const rows = new Map(statisticsOf(statistics).map((row) => [textIn(row, 'svname'), row]))
  return {
    process: processOf(info),
    servers: servers.map((server) => {
      const row = rows.get(server.name) ?? new Map()
      return {
        ...server,
        inflight: countIn(row, 'scur') + countIn(row, 'qcur'),
        isHttp: row.get('mode') === 'http',
        metrics: metricsOf(row),
      }
    }),
  }
}

/** A weight of 0 is HAProxy's other way of saying drain. */
export function isOut({ administrative, weight }: ServerState): boolean {
  return administrative !== 0 || weight === 0
}

export function isInMaintenance({ administrative }: ServerState): boolean {
  return (administrative & MAINTENANCE) !== 0
}

/**
 * A server as Baton sees it. `unseen` are requests that another process of HAProxy may have in flight there.
 * HAProxy does not tell long-lived connections from others: they are in flight, and `longLived` is 0.
 */
export function nodeView(server: Server, { unseen }: { readonly unseen: number }): BalancerNodeView {
  const inflight = server.inflight + (isOut(server) ? unseen : 0)
  const isUp = server.operational === RUNNING || server.operational === STARTING
  return {
    id: server.name,
    address: server.address,
    state: isOut(server) ? (inflight > 0 ? 'draining' : 'drained') : isUp ? 'serving' : 'down',
    weight: server.weight,
    // In maintenance nothing is checked, and a server counts as stopped: what the last check found still holds.
    healthy: isInMaintenance(server) ? !server.lastCheckFailed : isUp,
    inflight,
    longLived: 0,
  }
}

/** The type of servers among what `show stat` can list. */
const SERVERS = 4
const STARTING = 1
const RUNNING = 2

/**
 * HAProxy has no histogram, only the mean times of the last 1,024 requests: the one bucket counts answers, and `sum` is
 * their mean time to the end of the answer's head, times their number. All but `sum` is exact.
 */
function metricsOf(row: ReadonlyMap<string, string>): NodeMetrics {
  const statuses = Object.fromEntries(
    ['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) => [name, countIn(row, `hrsp_${name}`)]),
  )
  const answers = Object.values(statuses).reduce((sum, count) => sum + count, countIn(row, 'hrsp_other'))
  const meanMs = countIn(row, 'qtime') + countIn(row, 'ctime') + countIn(row, 'rtime')
  return {
    requests: countIn(row, 'stot'),
    statuses,
    failures: countIn(row, 'econ') + countIn(row, 'eresp'),
    retries: countIn(row, 'wretr') + countIn(row, 'wredis'),
    latency: { bounds: [Number.POSITIVE_INFINITY], counts: [answers], sum: (answers * meanMs) / 1_000 },
  }
}
