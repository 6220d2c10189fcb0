import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(4096)
let used = pool.length

/**
 * Where `bytes` random bytes (at most 64) begin in `randomPool`: for etags and nonces, of which a request may need several,
 * and which would cost a system call each. Read them before the next call.
 */
export function takeRandom(bytes: number): number {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return used - bytes
}

export const randomPool: Buffer = pool
