import type { Fields } from '../format/record.ts'
import { fieldHeadBytes, headBytes, unpackRecord } from './local-record.ts'

/**
 * The fields of a packed record, found by looking through its bytes: a request reads a few of them, and unpacking all
 * would take it several times as long. A class, as one is made for each request.
 */
export class PackedFields implements Fields {
  private readonly bytes: Buffer
  private unpacked: Map<string, Buffer> | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.unpacked = undefined
  }

  get(name: string): Buffer | undefined {
    if (this.unpacked !== undefined) return this.unpacked.get(name)
    const at = this.find(name)
    if (at === undefined) return isAscii(name) ? undefined : this.all().get(name)
    const valueAt = at + fieldHeadBytes + name.length
    return this.bytes.subarray(valueAt, valueAt + valueLength(this.bytes, at))
  }

  has(name: string): boolean {
    if (this.unpacked !== undefined) return this.unpacked.has(name)
    return this.find(name) !== undefined || (!isAscii(name) && this.all().has(name))
  }

  get size(): number {
    return this.all().size
  }

  forEach(action: (value: Buffer, name: string, fields: Fields) => void): void {
    for (const [name, value] of this.all()) action(value, name, this)
  }

  entries() {
    return this.all().entries()
  }

  keys() {
    return this.all().keys()
  }

  values() {
    return this.all().values()
  }

  [Symbol.iterator]() {
    return this.all().entries()
  }

  private all(): Map<string, Buffer> {
    this.unpacked ??= unpackRecord(this.bytes)
    return this.unpacked
  }

  /** Where the field begins; never one whose name is not all ASCII. */
  private find(name: string): number | undefined {
    const { bytes } = this
    for (let at = headBytes; at < bytes.length; ) {
      const nameLength = (bytes[at]! << 8) | bytes[at + 1]!
      if (nameLength === name.length && isNamed(bytes, at + fieldHeadBytes, name)) return at
      at += fieldHeadBytes + nameLength + valueLength(bytes, at)
    }
    return undefined
  }
}

function valueLength(bytes: Buffer, at: number): number {
  return ((bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!) >>> 0
}

/** From the end, where names differ most. */
function isNamed(bytes: Buffer, start: number, name: string): boolean {
  for (let i = name.length - 1; i >= 0; i -= 1) {
    const code = name.charCodeAt(i)
    if (code !== bytes[start + i] || code >= 0x80) return false
  }
  return true
}

function isAscii(name: string): boolean {
  for (let i = 0; i < name.length; i += 1) if (name.charCodeAt(i) >= 0x80) return false
  return true
}
