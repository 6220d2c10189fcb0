import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findServer, freePorts, startTraffic, tempDir, type Verdict } from '@baton/testkit'
import { publish } from '../results-file.ts'
import { reportLines } from './report.ts'
import { startShopNodes } from './shop-nodes.ts'
import type { RunningWay, Way } from './way.ts'
import { ways } from './ways.ts'

export interface BalancersBenchOptions {
  /** How often the node is taken out and put back. */
  readonly cycles: number
  readonly quick: boolean
  /** Names of ways; null for all. */
  readonly only: readonly string[] | null
}

export interface WayResult {
  readonly way: Way
  readonly verdict: Verdict
  /** Of each drain: until the node was known to be out with nothing in flight. */
  readonly drainsMs: readonly number[]
}

export const load = { clients: 64, ratePerSecond: 400, postShare: 0.3, users: 40 }
/** After each change. */
export const restMs = 200

/** Takes one of two nodes out and puts it back, again and again, under users with think time. */
export async function benchBalancers({ cycles, quick, only }: BalancersBenchOptions): Promise<void> {
  const chosen = ways.filter(({ name }) => only === null || only.some((each) => name.includes(each)))
  const missing = chosen.filter(({ needs }) => needs.some((server) => findServer(server) === null))
  const results: WayResult[] = []
  const folder = await tempDir()
  try {
    for (const way of chosen.filter((each) => !missing.includes(each))) {
      console.log(`${cycles} drains and joins: ${way.name}`)
      results.push(await measure(way, { cycles, folder: join(folder.path, String(results.length)) }))
    }
  } finally {
    await folder.remove()
  }
  publish('balancers', reportLines({ results, missing, cycles, quick }), { quick })
}

async function measure(way: Way, { cycles, folder }: { cycles: number; folder: string }): Promise<WayResult> {
  await mkdir(folder)
  const shop = await startShopNodes(join(folder, 'shop'))
  try {
    const [port = 0] = await freePorts(1)
    const own = join(folder, 'balancer')
    await mkdir(own)
    const running = await way.start({ folder: own, listen: { host: '127.0.0.1', port }, nodes: shop.nodes })
    try {
      const url = `http://127.0.0.1:${port}`
      const traffic = await startTraffic({ ...load, url, recordedOrders: shop.recordedOrders })
      try {
        const drainsMs = await drainAndJoin(running, { cycles, node: 'web-2' })
        return { way, verdict: await traffic.stop(), drainsMs }
      } finally {
        await traffic.stop()
      }
    } finally {
      await running.stop()
    }
  } finally {
    await shop.stop()
  }
}

async function drainAndJoin(way: RunningWay, { cycles, node }: { cycles: number; node: string }): Promise<number[]> {
  const drainsMs: number[] = []
  await sleep(restMs)
  for (let cycle = 0; cycle < cycles; cycle++) {
    const startedAt = performance.now()
    await way.takeOut(node)
    drainsMs.push(performance.now() - startedAt)
    await sleep(restMs)
    await way.putBack(node)
    await sleep(restMs)
  }
  return drainsMs
}
