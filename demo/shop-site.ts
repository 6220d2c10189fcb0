import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Cli,
  type CliExit,
  freePorts,
  killProcessesIn,
  repository,
  runCli,
  spawnCli,
  waitFor,
} from '@baton/testkit'

/** The shop behind Baton's balancer, on two nodes, in `.demo/` of the checkout. */
export interface Site {
  readonly url: string
  readonly nodes: readonly string[]
  /** Resolves when v1 serves on all nodes; fails with what `baton up` said if it does not. */
  ready(): Promise<void>
  /** Starts `baton deploy` of the shop's v2. */
  deploy(): Cli
  status(): Promise<SiteStatus>
  /** Ids of all orders in the order files of all nodes. */
  recordedOrders(): Promise<readonly string[]>
  /** Ends everything that was started, and makes sure that no process is left. */
  stop(): Promise<void>
}

/** What `baton status --json` prints, as far as the demo asks. */
export interface SiteStatus {
  readonly nodes: readonly { readonly id: string; readonly state: string; readonly release: string | null }[]
}

const folder = join(repository, '.demo')
const orders = join(folder, 'orders')
const shop = join(repository, 'examples/shop')

/** Writes baton.yaml and starts `baton up`. `sessionStore` as in baton.yaml. */
export async function openSite(sessionStore: string): Promise<Site> {
  await killProcessesIn(folder)
  await rm(folder, { recursive: true, force: true })
  await mkdir(orders, { recursive: true })
  const [balancer = 0, ...apps] = await freePorts(3)
  const nodes = apps.map((_, index) => `web-${index + 1}`)
  await writeFile(join(folder, 'baton.yaml'), configuration(balancer, apps, sessionStore))

  const up = spawnCli(['up'], { cwd: folder })
  const deploys: Cli[] = []

  const status = async () => {
    const { exitCode, stdout, stderr } = await runCli(['status', '--json'], { cwd: folder, timeoutMs: 20_000 })
    if (exitCode !== 0) throw new Error(stderr.trim() || `baton status ended with exit code ${exitCode}`)
    return JSON.parse(stdout) as SiteStatus
  }

  return {
    url: `http://127.0.0.1:${balancer}`,
    nodes,
    async ready() {
      let ended: CliExit | undefined
      void up.exited().then((exit) => {
        ended = exit
      })
      await waitFor(async () => ended !== undefined || isServing(await status()), {
        what: 'both nodes to serve',
        timeoutMs: 60_000,
        intervalMs: 200,
      })
      if (ended) throw new Error(`baton up ended with exit code ${ended.exitCode}:\n${ended.stdout}${ended.stderr}`)
    },
    deploy() {
      const deploy = spawnCli(['deploy', join(shop, 'v2'), '--json'], { cwd: folder })
      deploys.push(deploy)
      return deploy
    },
    status,
    async recordedOrders() {
      const files = await readdir(orders)
      const texts = await Promise.all(files.map((file) => readFile(join(orders, file), 'utf8')))
      return texts.flatMap((text) => text.split('\n').filter((line) => line !== ''))
    },
    async stop() {
      for (const deploy of deploys) await deploy.stop(5_000)
      await up.stop(30_000)
      await killProcessesIn(folder)
    },
  }
}

function isServing({ nodes }: SiteStatus): boolean {
  return nodes.length > 0 && nodes.every((node) => node.state === 'serving')
}

function configuration(balancer: number, apps: readonly number[], sessionStore: string): string {
  return `# Written by \`npm run demo\`.
name: shop

release:
  source: ../examples/shop/v1

balancer:
  driver: embedded
  listen: 127.0.0.1:${balancer}

app:
  driver: process
  command: node server.js
  env: { ORDERS_DIR: ${JSON.stringify(orders)} }

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
