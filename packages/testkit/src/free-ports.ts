import { createServer } from 'node:net'
import { BatonError } from '@baton/core'

/** Below the range that Linux takes outgoing connections' ports from, or one of those could be in the way. */
const lowest = 20_000
const highest = 32_000

const handedOut = new Set<number>()

/** `count` ports of 127.0.0.1 that nothing listens on; never the same twice in one process. Fails with `no-free-port`. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > 1000) throw new BatonError('no-free-port', `found no ${count} free ports from ${lowest} to ${highest}`)
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (handedOut.has(port)) continue
    handedOut.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
