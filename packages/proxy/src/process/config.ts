import { createHash } from 'node:crypto'
import { ProxyError } from '../errors.ts'
import type { HealthConfig } from '../health/monitor.ts'
import { defaultLimits, type Limits } from '../http/limits.ts'
import type { Address } from './listening-socket.ts'

/** What the balancer's process is told. Times are in milliseconds, paths absolute or relative to its working directory. */
export interface ProxyConfig {
  readonly name: string
  /** Where clients connect. */
  readonly listen: Address
  /** Path of the admin API's unix socket. */
  readonly admin: string
  /** Path of the file that remembers what is out, the weights and the newest token. */
  readonly state: string
  readonly nodes: readonly ProxyNodeConfig[]
  readonly health: HealthConfig
  /** So many refused, reset or timed out requests in a row mark a node down until a check finds it well. Default 3. */
  readonly passiveFailures?: number
  /** How long a process that is asked to stop, or is replaced, lets requests finish. Default 30 s. */
  readonly stopGraceMs?: number
  /** Bounds of what clients and nodes may do; `defaultLimits` where left out. */
  readonly limits?: Partial<Limits>
  /** Whether X-Forwarded-* and Forwarded of clients are believed and extended. Default false: they are replaced. */
  readonly trustForwarded?: boolean
}

export interface ProxyNodeConfig {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly weight: number
}

/** Fails with `config-invalid`, naming every problem at once. */
export function parseProxyConfig(value: unknown, source: string): ProxyConfig {
  const problems = findProblems(value)
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n  ${problem}`).join('')
    throw new ProxyError('config-invalid', `${source} is not a configuration of the balancer; correct:${list}`)
  }
  return value as ProxyConfig
}

/** Tells whether a running process was started with this very configuration. */
export function fingerprint(config: ProxyConfig): string {
  return createHash('sha256').update(canonical(config)).digest('hex').slice(0, 16)
}

const nodeId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const heaviestWeight = 1_000_000
/** What setTimeout can wait. */
const longestMs = 2 ** 31 - 1

function findProblems(value: unknown): readonly string[] {
  if (!isRecord(value)) return ['it must be an object']
  const problems: string[] = []
  const check = (holds: boolean, path: string, wanted: string): void => {
    if (!holds) problems.push(`${path}: must be ${wanted}`)
  }

  check(isText(value.name), 'name', 'a text')
  checkAddress(value.listen, 'listen', { anyPort: true })
  check(isText(value.admin), 'admin', 'the path of a unix socket')
  check(isText(value.state), 'state', 'the path of a file')
  checkNodes(value.nodes)
  checkHealth(value.health)
  check(
    isAbsentOr(value.passiveFailures, (v) => isWhole(v, 1, 1000)),
    'passiveFailures',
    'a whole number from 1',
  )
  check(
    isAbsentOr(value.stopGraceMs, (v) => isWhole(v, 0, longestMs)),
    'stopGraceMs',
    'milliseconds',
  )
  check(
    isAbsentOr(value.trustForwarded, (v) => typeof v === 'boolean'),
    'trustForwarded',
    'true or false',
  )
  checkLimits(value.limits)
  checkKeys(value, '', [
    'name',
    'listen',
    'admin',
    'state',
    'nodes',
    'health',
    'passiveFailures',
    'stopGraceMs',
    'limits',
    'trustForwarded',
  ])
  return problems

  function checkAddress(address: unknown, path: string, { anyPort }: { anyPort: boolean }): void {
    check(isRecord(address), path, '{host, port}')
    if (!isRecord(address)) return
    check(isText(address.host), `${path}.host`, 'a host name or an IP address')
    const lowest = anyPort ? 0 : 1
    check(isWhole(address.port, lowest, 65535), `${path}.port`, `a whole number from ${lowest} to 65535`)
  }

  function checkNodes(nodes: unknown): void {
    check(Array.isArray(nodes) && nodes.length > 0, 'nodes', 'a list of at least one node')
    if (!Array.isArray(nodes)) return
    const places = new Map<string, number>()
    for (const [i, node] of (nodes as readonly unknown[]).entries()) {
      const path = `nodes[${i}]`
      check(isRecord(node), path, '{id, host, port, weight}')
      if (!isRecord(node)) continue
      check(typeof node.id === 'string' && nodeId.test(node.id), `${path}.id`, 'letters, digits, dots and dashes')
      checkAddress(node, path, { anyPort: false })
      check(isWhole(node.weight, 1, heaviestWeight), `${path}.weight`, `a whole number from 1 to ${heaviestWeight}`)
      checkKeys(node, `${path}.`, ['id', 'host', 'port', 'weight'])
      for (const [what, key] of [
        ['id', `id ${node.id}`],
        ['address', `address ${node.host} ${node.port}`],
      ] as const) {
        const first = places.get(key)
        check(first === undefined, path, `unique, but has the ${what} of nodes[${first}]`)
        if (first === undefined) places.set(key, i)
      }
    }
  }

  function checkHealth(health: unknown): void {
    check(isRecord(health), 'health', '{type, path, status, intervalMs, timeoutMs, rise, fall}')
    if (!isRecord(health)) return
    check(health.type === 'http' || health.type === 'tcp', 'health.type', '"http" or "tcp"')
    check(isText(health.path) && /^\/[\x21-\x7e]*$/.test(health.path), 'health.path', 'a path beginning with /')
    check(Array.isArray(health.status) && health.status.every(isRange), 'health.status', 'ranges such as [[200, 399]]')
    check(isWhole(health.intervalMs, 10, longestMs), 'health.intervalMs', 'milliseconds, at least 10')
    check(isWhole(health.timeoutMs, 1, longestMs), 'health.timeoutMs', 'milliseconds, at least 1')
    check(isWhole(health.rise, 1, 1000), 'health.rise', 'a whole number from 1')
    check(isWhole(health.fall, 1, 1000), 'health.fall', 'a whole number from 1')
  }

  function checkLimits(limits: unknown): void {
    if (limits === undefined) return
    check(isRecord(limits), 'limits', 'an object')
    if (!isRecord(limits)) return
    for (const [key, limit] of Object.entries(limits)) {
      check(isWhole(limit, 0, Number.MAX_SAFE_INTEGER), `limits.${key}`, 'a whole number')
    }
    checkKeys(limits, 'limits.', Object.keys(defaultLimits))
  }

  function checkKeys(record: Record<string, unknown>, path: string, known: readonly string[]): void {
    for (const key of Object.keys(record)) {
      if (!known.includes(key))
        problems.push(`${path}${key}: unknown, correct or remove it; known are ${known.join(', ')}`)
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0
}

function isWhole(value: unknown, lowest: number, highest: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= lowest && value <= highest
}

function isRange(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isWhole(value[0], 100, 599) && isWhole(value[1], value[0], 599)
}

function isAbsentOr(value: unknown, holds: (value: unknown) => boolean): boolean {
  return value === undefined || holds(value)
}

/** JSON with the keys in order, so that equal configurations have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}
