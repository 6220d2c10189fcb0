import { isAttribute } from './attributes.ts'
import { SessionError } from './errors.ts'
import type { Fields } from './format/record.ts'
import type { Change } from './stores/store.ts'

export interface Limits {
  /** Of one attribute, as it is stored. Default 1 MiB. */
  readonly attributeBytes: number
  /** Of all attributes, names and values. Default 4 MiB. */
  readonly sessionBytes: number
  /** How many. Default 1,000. */
  readonly attributes: number
}

export const defaultLimits: Limits = { attributeBytes: 1_048_576, sessionBytes: 4_194_304, attributes: 1_000 }

/**
 * Throws SessionError `session-too-large` if the change breaks a limit. What makes a session smaller is never refused, so
 * that one that is too large already (the limits were lowered) can be cleared up.
 */
export function checkLimits(limits: Limits, before: Fields, change: Change): void {
  if (change.set.size === 0) return
  let bytesMore = 0
  let attributesMore = 0
  let largest = ''
  let largestBytes = -1
  for (const [field, value] of change.set) {
    if (!isAttribute(field)) continue
    if (value.length > limits.attributeBytes) {
      throw tooLarge(
        `attribute ${JSON.stringify(field.slice(1))} takes ${value.length} bytes, and ${limits.attributeBytes} are allowed`,
        'attributeBytes',
      )
    }
    if (value.length > largestBytes) {
      largest = field.slice(1)
      largestBytes = value.length
    }
    const old = before.get(field)
    bytesMore += value.length - (old?.length ?? -Buffer.byteLength(field))
    if (old === undefined) attributesMore += 1
  }
  for (const field of change.remove) {
    const old = before.get(field)
    if (old === undefined || !isAttribute(field)) continue
    bytesMore -= old.length + Buffer.byteLength(field)
    attributesMore -= 1
  }
  const [attributes, bytes] = sizeOf(before)
  if (bytesMore > 0 && bytes + bytesMore > limits.sessionBytes) {
    throw tooLarge(
      `with attribute ${JSON.stringify(largest)} (${largestBytes} bytes) the session takes ${bytes + bytesMore} bytes, ` +
        `and ${limits.sessionBytes} are allowed`,
      'sessionBytes',
    )
  }
  if (attributesMore > 0 && attributes + attributesMore > limits.attributes) {
    throw tooLarge(
      `with attribute ${JSON.stringify(largest)} the session has ${attributes + attributesMore} attributes, ` +
        `and ${limits.attributes} are allowed`,
      'attributes',
    )
  }
}

function sizeOf(fields: Fields): [attributes: number, bytes: number] {
  let attributes = 0
  let bytes = 0
  for (const [field, value] of fields) {
    if (!isAttribute(field)) continue
    attributes += 1
    bytes += Buffer.byteLength(field) + value.length
  }
  return [attributes, bytes]
}

function tooLarge(what: string, limit: keyof Limits): SessionError {
  return new SessionError(
    'session-too-large',
    `${what} (limits.${limit}); nothing was stored: keep large data in a database, and its key in the session`,
  )
}
