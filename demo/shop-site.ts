import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type FrontKind,
  freePorts,
  killProcessesIn,
  openFront,
  readOrderFile,
  repository,
  type Site,
  startSite,
} from '@baton/testkit'
import type { Shop } from './shops.ts'

/** The shop behind a balancer, on two nodes, in `.demo/` of the checkout. */
export interface ShopSite extends Site {
  readonly url: string
  /** The source of a release, as it is deployed. */
  release(version: 'v1' | 'v2'): string
  readonly nodeIds: readonly string[]
  /** Ids of all orders that the nodes recorded. */
  recordedOrders(): Promise<readonly string[]>
}

const folder = join(repository, '.demo')
/** Both nodes append to it. */
const orders = join(folder, 'orders.log')

interface ShopOptions {
  readonly balancer: FrontKind
  readonly shop: Shop
  /** As in baton.yaml. */
  readonly sessionStore: string
}

/** Starts the balancer where `baton up` does not, then `baton up`. `sweepShop` ends what this leaves behind when it is cut off. */
export async function openShop({ balancer, shop, sessionStore }: ShopOptions): Promise<ShopSite> {
  await sweepShop()
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  const [port = 0, ...apps] = await freePorts(3)
  const write = (section: string) =>
    writeFile(join(folder, 'baton.yaml'), configuration(section, shop, apps, sessionStore))
  const front = await openFront(balancer, { folder, inside: true, port, write })
  const site = startSite(folder)
  return {
    ...site,
    url: `http://127.0.0.1:${port}`,
    release: shop.release,
    nodeIds: apps.map((_, index) => `web-${index + 1}`),
    recordedOrders: () => readOrderFile(orders),
    async stop() {
      await site.stop()
      await front.close()
    },
  }
}

/** Kills everything that runs in `.demo/`. */
export async function sweepShop(): Promise<void> {
  await killProcessesIn(folder)
}

function configuration(balancer: string, shop: Shop, apps: readonly number[], sessionStore: string): string {
  return `# Written by \`npm run demo\`.
name: shop

release:
  source: ${JSON.stringify(shop.release('v1'))}

balancer: ${balancer}

app: ${JSON.stringify({ ...shop.app, env: { SHOP_ORDERS: orders } })}

nodes:
${apps.map((port, index) => `  web-${index + 1}: { address: 127.0.0.1:${port} }`).join('\n')}

health:
  path: /health

rollout:
  ${shop.ramp === undefined ? '' : `ramp: ${shop.ramp}\n  `}bake: 2s

sessions:
  store: ${sessionStore}
`
}
