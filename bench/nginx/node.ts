import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A node in this very process: what it sees and what is told to the balancer have one clock. */
export interface BenchNode {
  readonly id: string
  readonly host: string
  readonly port: number
  /** As performance.now() has it; 0 before the first. */
  lastArrivalAt(): number
  close(): void
}

export async function startNode(id: string): Promise<BenchNode> {
  let lastArrivalAt = 0
  const server = createServer((_, response) => {
    lastArrivalAt = performance.now()
    response.setHeader('Bench-Node', id).end('ok')
  })
  server.keepAliveTimeout = 75_000
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { address, port } = server.address() as AddressInfo
  return {
    id,
    host: address,
    port,
    lastArrivalAt: () => lastArrivalAt,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
