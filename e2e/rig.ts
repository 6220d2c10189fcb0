import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BalancerView } from '@baton/core'
import {
  type Front,
  type FrontKind,
  freePorts,
  openFront,
  readOrderFile,
  repository,
  type Site,
  startSite,
  startTraffic,
  type TempDir,
  type Traffic,
  tempDir,
} from '@baton/testkit'
import { openView } from './balancer-view.ts'

/** A real `baton up` with real nodes in a folder of its own, behind a real balancer. */
export interface Rig extends Site {
  readonly folder: string
  readonly url: string
  readonly nodeIds: readonly string[]
  readonly ports: readonly number[]
  readonly front: Front
  /** What the balancer itself says of the nodes. */
  view(): Promise<BalancerView>
  /** 200 requests/s from 32 keep-alive clients unless said otherwise; orders are compared with what the nodes recorded. */
  traffic(options?: {
    readonly ratePerSecond?: number
    readonly users?: number
    readonly clients?: number
  }): Promise<Traffic>
  remove(): Promise<void>
}

export interface RigOptions {
  /** Default: embedded. */
  readonly balancer?: FrontKind
  /** Of nginx. Default: 2 workers, dynamic. */
  readonly workers?: number
  readonly mode?: 'dynamic' | 'reload'
  readonly nodes: number
  /** release.source; the shop's v1 by default. */
  readonly source?: string
  readonly command?: string
  /** The app section, but for env and stopTimeout. Default: the shop's, with `command`. */
  readonly app?: Readonly<Record<string, unknown>>
  /** Fields of the nodes' own, in their order. */
  readonly nodeFields?: readonly Readonly<Record<string, unknown>>[]
  /** The section, on one line. */
  readonly sessions?: string
  readonly env?: Readonly<Record<string, string>>
  /** Sections of baton.yaml in place of the quick ones here, each whole. */
  readonly health?: string
  readonly rollout?: string
  readonly stopTimeout?: string
}

/** The sources of a release of the shop. */
export function shopRelease(version: 'v1' | 'v2'): string {
  return join(repository, 'examples/shop', version)
}

/** Starts `baton up` and waits until every node serves. */
export async function openRig(options: RigOptions): Promise<Rig> {
  const dir = await tempDir()
  try {
    return await openIn(dir, options)
  } catch (error) {
    await dir.remove()
    throw error
  }
}

async function openIn(dir: TempDir, options: RigOptions): Promise<Rig> {
  const [port = 0, ...ports] = await freePorts(options.nodes + 1)
  const orders = join(dir.path, 'orders.log')
  await writeFile(orders, '')
  const write = (section: string) =>
    writeFile(join(dir.path, 'baton.yaml'), configuration({ ...options, balancer: section, ports, orders }))
  const { balancer = 'embedded', workers = 2, mode = 'dynamic' } = options
  const front = await openFront(balancer, { folder: dir.path, port, write, workers, mode })
  const site = startSite(dir.path)
  const url = `http://127.0.0.1:${port}`
  try {
    await site.ready()
  } catch (error) {
    await site.stop()
    await front.close()
    throw error
  }
  return {
    ...site,
    folder: dir.path,
    url,
    ports,
    front,
    view: await openView(balancer, dir.path),
    nodeIds: ports.map((_, index) => `web-${index + 1}`),
    traffic: (traffic) => startTraffic({ url, recordedOrders: () => readOrderFile(orders), ...traffic }),
    async remove() {
      await site.stop()
      await front.close()
      await dir.remove()
    },
  }
}

function configuration(
  options: Omit<RigOptions, 'balancer'> & {
    /** The section, on one line. */
    readonly balancer: string
    readonly ports: readonly number[]
    readonly orders: string
  },
): string {
  const env = { SHOP_ORDERS: options.orders, ...options.env }
  const { app = { driver: 'process', command: options.command ?? 'node server.js' }, sessions } = options
  const nodes = options.ports.map((port, index) => {
    const fields = { address: `127.0.0.1:${port}`, ...options.nodeFields?.[index] }
    return `  web-${index + 1}: ${JSON.stringify(fields)}`
  })
  return `name: rig
release: { source: ${JSON.stringify(options.source ?? shopRelease('v1'))} }
balancer: ${options.balancer}
app: ${JSON.stringify({ ...app, stopTimeout: options.stopTimeout ?? '10s', env })}
nodes:
${nodes.join('\n')}
health: ${options.health ?? '{ path: /health, interval: 100ms, timeout: 2s, rise: 2, fall: 3, deadline: 30s }'}
rollout: ${options.rollout ?? '{ batch: 1, minAvailable: 50%, drainTimeout: 30s, bake: 300ms }'}
${sessions === undefined ? '' : `sessions: ${sessions}`}
`
}
