import type { Fields } from '../format/record.ts'

/**
 * One record as one LMDB value: expiry (float64, ms since 1970), then for each field the lengths of name and value
 * (uint16, uint32) and their bytes. Big-endian. It never leaves the host, so it is no part of the shared format.
 */
export function packRecord(fields: Fields, expiresAtMs: number): Buffer {
  let size = 8
  for (const [name, value] of fields) size += 6 + Buffer.byteLength(name) + value.length
  const bytes = Buffer.allocUnsafe(size)
  let at = bytes.writeDoubleBE(expiresAtMs)
  for (const [name, value] of fields) {
    const nameLength = bytes.write(name, at + 6)
    bytes.writeUInt16BE(nameLength, at)
    bytes.writeUInt32BE(value.length, at + 2)
    at += 6 + nameLength
    at += value.copy(bytes, at)
  }
  return bytes
}

/** The values are views of `bytes`. */
export function unpackRecord(bytes: Buffer): Map<string, Buffer> {
  const fields = new Map<string, Buffer>()
  let at = 8
  while (at < bytes.length) {
    const nameEnd = at + 6 + bytes.readUInt16BE(at)
    const valueEnd = nameEnd + bytes.readUInt32BE(at + 2)
    fields.set(bytes.toString('utf8', at + 6, nameEnd), bytes.subarray(nameEnd, valueEnd))
    at = valueEnd
  }
  return fields
}

export function expiryOf(bytes: Buffer): number {
  return bytes.readDoubleBE()
}
