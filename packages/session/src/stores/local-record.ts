import type { Fields } from '../format/record.ts'

/** Before the first field. */
export const headBytes = 8

/** Before the name of a field. */
export const fieldHeadBytes = 6

/**
 * Whatever is kept locally begins with its expiry (float64, ms since 1970), so that one sweep serves all of it. One
 * session is one value: the expiry, then for each field the lengths of name and value (uint16, uint32) and their bytes.
 * Big-endian. It never leaves the host, so it is no part of the shared format.
 */
export function packRecord(fields: Fields, expiresAtMs: number): Buffer {
  let size = headBytes
  for (const [name, value] of fields) size += fieldHeadBytes + Buffer.byteLength(name) + value.length
  const bytes = Buffer.allocUnsafe(size)
  let at = bytes.writeDoubleBE(expiresAtMs)
  for (const [name, value] of fields) {
    const nameLength = bytes.write(name, at + fieldHeadBytes)
    bytes.writeUInt16BE(nameLength, at)
    bytes.writeUInt32BE(value.length, at + 2)
    at += fieldHeadBytes + nameLength
    at += value.copy(bytes, at)
  }
  return bytes
}

/** The values are views of `bytes`. */
export function unpackRecord(bytes: Buffer): Map<string, Buffer> {
  const fields = new Map<string, Buffer>()
  let at = headBytes
  while (at < bytes.length) {
    const nameEnd = at + fieldHeadBytes + bytes.readUInt16BE(at)
    const valueEnd = nameEnd + bytes.readUInt32BE(at + 2)
    fields.set(bytes.toString('utf8', at + fieldHeadBytes, nameEnd), bytes.subarray(nameEnd, valueEnd))
    at = valueEnd
  }
  return fields
}

export function expiryOf(bytes: Buffer): number {
  return bytes.readDoubleBE()
}

/** Names and values, without what this layout adds. */
export function sizeOf(fields: Fields): number {
  let size = 0
  for (const [name, value] of fields) size += Buffer.byteLength(name) + value.length
  return size
}

/** A number that expires: a user's epoch, or an entry in their list. */
export function packNumber(value: number, expiresAtMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(2 * headBytes)
  bytes.writeDoubleBE(value, bytes.writeDoubleBE(expiresAtMs))
  return bytes
}

export function numberOf(bytes: Buffer): number {
  return bytes.readDoubleBE(headBytes)
}
