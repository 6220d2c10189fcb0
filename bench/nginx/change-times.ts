import type { Balancer } from '@baton/core'
import { createNginxDynamicBalancer } from '@baton/drivers'
import { openClients } from './clients.ts'
import { startNode } from './node.ts'
import { startDynamic } from './servers.ts'

/** How long each change took until every worker obeyed, in milliseconds. */
export interface ChangeTimes {
  /** From the call to the last request that still arrived at the node. */
  readonly out: readonly number[]
  /** From the call until clients of every worker had an answer of the node. */
  readonly in: readonly number[]
}

export const workerCount = 4
const clientsPerWorker = 4

/** Takes one of two nodes out and puts it back, while clients on all workers of one nginx ask as fast as they can. */
export async function measureChanges(changes: number): Promise<ChangeTimes> {
  const [staying, leaving] = [await startNode('web-1'), await startNode('web-2')]
  const site = await startDynamic({ upstreams: [staying, leaving], workers: workerCount })
  const balancer = createNginxDynamicBalancer({ stateDir: site.stateDir })
  const times = { out: [] as number[], in: [] as number[] }
  try {
    const clients = await openClients(site.url, { workers: workerCount, perWorker: clientsPerWorker })
    try {
      for (let change = 0; change < changes; change++) {
        const outAt = await tell(balancer, 'out')
        await clients.askOnEverywhere()
        times.out.push(Math.max(0, leaving.lastArrivalAt() - outAt))
        const [inAt, metAt] = await Promise.all([tell(balancer, 'in'), clients.meetEverywhere(leaving.id)])
        times.in.push(metAt - inAt)
        await clients.askOnEverywhere()
      }
    } finally {
      await clients.close()
    }
  } finally {
    await site.nginx.close()
    for (const node of [staying, leaving]) node.close()
  }
  return times
}

/** Resolves to the time of the call. */
async function tell(balancer: Balancer, admin: 'in' | 'out'): Promise<number> {
  const askedAt = performance.now()
  await balancer.set('web-2', { admin }, { signal: AbortSignal.timeout(10_000), token: 1 })
  return askedAt
}
