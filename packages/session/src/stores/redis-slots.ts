/** Which of the 16,384 slots a key is in: CRC-16/XMODEM of it, or of what stands in its first braces (Redis Cluster specification). */
export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  const hashed = Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key)
  let crc = 0
  for (const byte of hashed) crc = ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ byte) & 0xff] ?? 0)
  return crc % slotCount
}

export const slotCount = 16_384

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
  return crc
})

export interface SlotRange {
  readonly from: number
  readonly to: number
  /** An empty host: the one that was asked. */
  readonly host: string
  readonly port: number
}

/** The masters in a reply of CLUSTER SLOTS. */
export function readSlots(reply: unknown): SlotRange[] {
  if (!Array.isArray(reply)) return []
  return reply.flatMap((range: unknown) => {
    if (!Array.isArray(range)) return []
    const [from, to, master] = range as [unknown, unknown, unknown]
    if (typeof from !== 'number' || typeof to !== 'number' || !Array.isArray(master)) return []
    const [host, port] = master as unknown[]
    return [{ from, to, host: host === null || host === undefined ? '' : String(host), port: Number(port) }]
  })
}

/** `MOVED 3999 127.0.0.1:6381`, `ASK …`; IPv6 is written without brackets there. */
export function readRedirect(message: string): { slot: number; host: string; port: number } | undefined {
  const match = /^(?:MOVED|ASK) (\d+) (.*):(\d+)$/.exec(message)
  return match === null ? undefined : { slot: Number(match[1]), host: match[2]!, port: Number(match[3]) }
}
