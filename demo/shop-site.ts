import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts, killProcessesIn, readOrderFile, repository, type Site, startSite } from '@baton/testkit'

/** The shop behind Baton's balancer, on two nodes, in `.demo/` of the checkout. */
export interface ShopSite extends Site {
  readonly url: string
  readonly nodeIds: readonly string[]
  /** Ids of all orders that the nodes recorded. */
  recordedOrders(): Promise<readonly string[]>
}

const folder = join(repository, '.demo')
/** Both nodes append to it. */
const orders = join(folder, 'orders.log')

/** The sources of a release of the shop. */
export function shopRelease(version: 'v1' | 'v2'): string {
  return join(repository, 'examples/shop', version)
}

/** Writes baton.yaml and starts `baton up`. `sessionStore` as in baton.yaml. */
export async function openShop(sessionStore: string): Promise<ShopSite> {
  await killProcessesIn(folder)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  const [balancer = 0, ...apps] = await freePorts(3)
  await writeFile(join(folder, 'baton.yaml'), configuration(balancer, apps, sessionStore))
  return {
    ...startSite(folder),
    url: `http://127.0.0.1:${balancer}`,
    nodeIds: apps.map((_, index) => `web-${index + 1}`),
    recordedOrders: () => readOrderFile(orders),
  }
}

function configuration(balancer: number, apps: readonly number[], sessionStore: string): string {
  return `# Written by \`npm run demo\`.
name: shop

release:
  source: ${JSON.stringify(shopRelease('v1'))}

balancer:
  driver: embedded
  listen: 127.0.0.1:${balancer}

app:
  driver: process
  command: node server.js
  env: { SHOP_ORDERS: ${JSON.stringify(orders)} }

nodes:
${apps.map((port, index) => `  web-${index + 1}: { address: 127.0.0.1:${port} }`).join('\n')}

health:
  path: /health

rollout:
  bake: 2s

sessions:
  store: ${sessionStore}
`
}
