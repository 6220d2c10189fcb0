import { SessionError } from '../errors.ts'
import { parseJson } from './value.ts'

/** A record as every store keeps it: field names to bytes. Meta fields start with `@`, attributes with `.`. */
export type Fields = ReadonlyMap<string, Buffer>

/** Who is logged in, as all nodes and Tomcat see it. */
export interface Principal {
  readonly name: string
  readonly roles: readonly string[]
  /** How they proved it, e.g. `FORM`; as in the Servlet API. */
  readonly authType?: string
}

/** What the meta fields of a record mean. */
export type Meta =
  /** Nothing there that ever was a whole session. */
  | { readonly state: 'absent' }
  /** Destroyed, rotated, or past its absolute deadline. */
  | { readonly state: 'dead' }
  | AliveMeta

export interface AliveMeta {
  readonly state: 'alive'
  readonly createdAtMs: number
  readonly maxInactiveMs: number
  /** The absolute deadline, if it has one. */
  readonly deadlineMs: number | undefined
  readonly version: number
}

/** What a whole record means. */
export type Reading =
  | { readonly state: 'absent' | 'dead' }
  | {
      readonly state: 'alive'
      readonly createdAtMs: number
      readonly maxInactiveMs: number
      readonly principal: Principal | undefined
      /** Attribute names (without the dot) to stored bytes. */
      readonly attributes: ReadonlyMap<string, Buffer>
    }

/** This code writes format 1 and reads every record whose lowest reader is at most 1. */
const formatVersion = 1

export const tombstone = {
  destroyed: 'd',
  /** `hash` is of the id that took over. */
  rotatedTo: (hash: string): string => `r:${hash}`,
  /** By log-out-everywhere. */
  killed: 'k',
} as const

/** As stores tell it, which look at nothing else: neither at the format nor at a deadline. */
export function isAlive(fields: Fields): boolean {
  return fields.has('@c') && !fields.has('@x')
}

/** Throws SessionError `session-format` for a record that a newer, incompatible version wrote. */
export function readMeta(fields: Fields, nowMs: number): Meta {
  if (fields.has('@x')) return dead
  const createdAtMs = wholeNumber(fields.get('@c'))
  if (createdAtMs === undefined) return absent
  const lowestReader = lowestReaderOf(fields.get('@f'))
  if (lowestReader === undefined || lowestReader > formatVersion) {
    throw new SessionError(
      'session-format',
      `a session is in a format that needs reader ${lowestReader ?? 'unknown'}, and this is reader ${formatVersion}: ` +
        'install the @baton/session that the other nodes run',
    )
  }
  return untilDeadline(
    {
      state: 'alive',
      createdAtMs,
      maxInactiveMs: (wholeNumber(fields.get('@m')) || 1800) * 1000,
      deadlineMs: deadlineOf(fields),
      version: versionOf(fields),
    },
    nowMs,
  )
}

/** What a record that was read before means now. */
export function untilDeadline(meta: AliveMeta, nowMs: number): Meta {
  return meta.deadlineMs !== undefined && meta.deadlineMs <= nowMs ? dead : meta
}

/** The whole meaning at once. Throws as `readMeta` does. */
export function readRecord(fields: Fields, nowMs: number): Reading {
  const meta = readMeta(fields, nowMs)
  if (meta.state !== 'alive') return meta
  const { state, createdAtMs, maxInactiveMs } = meta
  const attributes = new Map<string, Buffer>()
  for (const [field, bytes] of fields) {
    // Java may have such an attribute; a JavaScript object must not: copied, it would become a prototype.
    if (field.startsWith('.') && field !== '.__proto__') attributes.set(field.slice(1), bytes)
  }
  return { state, createdAtMs, maxInactiveMs, principal: principalOf(fields), attributes }
}

/** The meta fields of a session that begins; `@v` is 1 after its first write. */
export function newRecord(session: { createdAtMs: number; maxInactiveMs: number }): Map<string, Buffer> {
  return new Map([
    ['@c', Buffer.from(String(session.createdAtMs))],
    ['@f', Buffer.from(`${formatVersion}.${formatVersion}`)],
    ['@v', Buffer.from('1')],
    ['@m', intervalField(session.maxInactiveMs)],
  ])
}

/** The value of `@m`. */
export function intervalField(maxInactiveMs: number): Buffer {
  return Buffer.from(String(Math.round(maxInactiveMs / 1000)))
}

/** The value of `@A`. */
export function deadlineField(deadlineMs: number): Buffer {
  return Buffer.from(String(deadlineMs))
}

/** The absolute deadline in ms, if it has one. */
export function deadlineOf(fields: Fields): number | undefined {
  return wholeNumber(fields.get('@A'))
}

export function versionOf(fields: Fields): number {
  return wholeNumber(fields.get('@v')) ?? 0
}

export function principalFields(principal: Principal): Map<string, Buffer> {
  const fields = new Map([
    ['@p', Buffer.from(principal.name)],
    ['@r', Buffer.from(JSON.stringify(principal.roles))],
  ])
  if (principal.authType !== undefined) fields.set('@t', Buffer.from(principal.authType))
  return fields
}

export function principalOf(fields: Fields): Principal | undefined {
  const name = fields.get('@p')
  if (name === undefined) return undefined
  const authType = fields.get('@t')
  return {
    name: name.toString(),
    roles: rolesOf(fields.get('@r')),
    ...(authType === undefined ? {} : { authType: authType.toString() }),
  }
}

/** Roles that cannot be read are no roles: never more rights than were written. */
function rolesOf(bytes: Buffer | undefined): readonly string[] {
  try {
    const roles = parseJson(bytes?.toString() ?? '[]')
    return Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : []
  } catch {
    return []
  }
}

function lowestReaderOf(format: Buffer | undefined): number | undefined {
  // `1.1`, as nearly every record has it.
  if (format?.length === 3 && format[0] === 0x31 && format[1] === 0x2e && format[2] === 0x31) return 1
  const text = /^\d+\.(\d+)$/.exec(format?.toString('latin1') ?? '')?.[1]
  return text === undefined ? undefined : Number(text)
}

/** Decimal digits, at most 15: no string is made, as this runs several times for each request. */
function wholeNumber(bytes: Buffer | undefined): number | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.length > 15) return undefined
  let number = 0
  for (let index = 0; index < bytes.length; index += 1) {
    const digit = bytes[index]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return number
}

const dead: Meta & { state: 'dead' } = { state: 'dead' }
const absent: Meta & { state: 'absent' } = { state: 'absent' }
