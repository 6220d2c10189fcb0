import { type Cli, processesIn } from '@baton/testkit'
import type { Rig } from '../rig.ts'

export interface FoundNode {
  readonly id: string
  /** The balancer's word. */
  readonly state: string
  /** What really answers there; null where nothing does. */
  readonly release: string | null
}

/** The nodes as the balancer sees them, and what really runs there: no word of the deploy's. */
export async function nodesOf(site: Rig): Promise<FoundNode[]> {
  const { nodes } = await site.view()
  return Promise.all(nodes.map(async ({ id, address, state }) => ({ id, state, release: await releaseAt(address) })))
}

/** All nodes serving this release, for comparison. */
export function allServing(site: Rig, release: string): FoundNode[] {
  return site.nodeIds.map((id) => ({ id, state: 'serving', release }))
}

/** Fails unless exactly one process of the node's app runs. */
export async function appPid(site: Rig, node: string): Promise<number> {
  const apps = (await processesIn(site.folder)).filter(({ cwd }) => cwd.includes(`/nodes/${node}/releases/`))
  if (apps.length === 1) return apps[0]!.pid
  throw new Error(`${apps.length} processes of ${node} run: ${JSON.stringify(apps)}`)
}

/** Of the balancer that this `baton up` started or took over last. */
export function balancerPid(up: Cli): number {
  const told = [...up.stdout().matchAll(/balancer (?:started|adopted|replaced) on \S+ \(pid (\d+)\)/g)]
  return Number(told.at(-1)?.[1])
}

async function releaseAt(address: string): Promise<string | null> {
  try {
    return (await fetch(`http://${address}/health`)).headers.get('baton-release')
  } catch {
    return null
  }
}
