import { BatonError } from '@baton/core'

/** A process of HAProxy, of `show info`. */
export interface HaproxyProcess {
  readonly pid: number
  /** Seconds since 1970. */
  readonly startedAtSec: number
  readonly version: string
}

/** A server as `show servers state` has it (management guide, 9.3, format version 1). */
export interface ServerState {
  readonly name: string
  /** host:port, an IPv6 host in brackets. */
  readonly address: string
  /** host:port as it was configured, where that is a name. */
  readonly namedAddress: string | null
  /** 0 stopped, 1 warming up, 2 running, 3 up, but wants no new requests. */
  readonly operational: number
  /** A mask; 0 where the server is told to serve. */
  readonly administrative: number
  readonly weight: number
  readonly isChecked: boolean
  readonly lastCheckFailed: boolean
}

/** Told by name, so that a server follows another, or its name cannot be resolved, are maintenance as well. */
export const MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20
const CHECK_FAILED = 2
const CHECK_ENABLED = 0x04
const CHECK_CONFIGURED = 0x02

export function processOf(answer: string): HaproxyProcess {
  const fields = new Map(answer.split('\n').map((line) => [line.slice(0, line.indexOf(':')), afterColon(line)]))
  return {
    pid: countIn(fields, 'Pid'),
    startedAtSec: countIn(fields, 'Start_time_sec'),
    version: textIn(fields, 'Version'),
  }
}

/** Fails with `unknown-backend` where HAProxy has none of the name. */
export function serversOf(answer: string, backend: string): readonly ServerState[] {
  if (/^Can't find backend/.test(answer)) throw unknownBackend(backend)
  const [version, header = '', ...rows] = answer.split('\n')
  if (version !== '1' || !header.startsWith('# ')) throw invalid('show servers state', answer)
  const names = header.slice(2).split(' ')
  return rows.map((row) => serverOf(table(names, row.split(' '), 'show servers state')))
}

/** The rows of `show stat`, as its header names their fields. */
export function statisticsOf(answer: string): readonly ReadonlyMap<string, string>[] {
  const [header = '', ...rows] = answer.split('\n')
  if (!header.startsWith('# ')) throw invalid('show stat', answer)
  const names = header.slice(2).split(',')
  return rows.map((row) => table(names, cells(row), 'show stat'))
}

/** A count of a row; empty fields are what HAProxy does not count there. */
export function countIn(fields: ReadonlyMap<string, string>, name: string): number {
  const value = fields.get(name)
  if (value === '') return 0
  const count = Number(value)
  if (value === undefined || !Number.isSafeInteger(count) || count < 0) throw invalid(name, value ?? 'nothing')
  return count
}

export function textIn(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name)
  if (value === undefined || value === '') throw invalid(name, 'nothing')
  return value
}

/** A command that changes something says nothing when it is done. */
export function assertDone(command: string, answer: string): void {
  if (answer === '') return
  const hint = /permission denied/i.test(answer)
    ? 'give the stats socket `level admin`, and reload HAProxy'
    : 'baton balancer config prints what Baton needs of this backend'
  throw new BatonError('balancer-refused', `HAProxy refused "${command}": ${answer.split('\n').join(' ')}`, { hint })
}

function serverOf(fields: ReadonlyMap<string, string>): ServerState {
  const port = countIn(fields, 'srv_port')
  const fqdn = textIn(fields, 'srv_fqdn')
  const checking = countIn(fields, 'srv_check_state')
  return {
    name: textIn(fields, 'srv_name'),
    address: addressOf(textIn(fields, 'srv_addr'), port),
    namedAddress: fqdn === '-' ? null : `${fqdn}:${port}`,
    operational: countIn(fields, 'srv_op_state'),
    administrative: countIn(fields, 'srv_admin_state'),
    weight: countIn(fields, 'srv_uweight'),
    isChecked: (checking & CHECK_CONFIGURED) !== 0 && (checking & CHECK_ENABLED) !== 0,
    lastCheckFailed: countIn(fields, 'srv_check_result') === CHECK_FAILED,
  }
}

function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function afterColon(line: string): string {
  return line.slice(line.indexOf(':') + 1).trim()
}

function table(names: readonly string[], values: readonly string[], what: string): ReadonlyMap<string, string> {
  if (values.length < names.length) throw invalid(what, values.join(' '))
  return new Map(names.map((name, index) => [name, values[index] ?? '']))
}

/** RFC 4180, on one line: a quoted text may hold commas, and its quotes are doubled. */
function cells(row: string): string[] {
  return [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}

function unknownBackend(backend: string): BatonError {
  return new BatonError('unknown-backend', `the running HAProxy has no backend ${backend}`, {
    hint: 'paste what `baton balancer config` prints into haproxy.cfg and reload HAProxy, or correct balancer.backend',
  })
}

function invalid(what: string, found: string): BatonError {
  const shown = found.length > 120 ? `${found.slice(0, 120)}…` : found
  return new BatonError('balancer-answer-invalid', `HAProxy's answer is not what its API promises: ${what}: ${shown}`, {
    hint: 'Baton needs HAProxy 2.4 or newer; haproxy -v',
  })
}
