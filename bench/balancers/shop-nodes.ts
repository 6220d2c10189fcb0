import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from '@baton/core'
import { freePorts, readOrderFile, repository } from '@baton/testkit'
import { type ServerProcess, startServerProcess } from '../proxy/server-process.ts'

/** Two nodes of a small shop, as plain processes that share sessions and one file of orders. */
export interface ShopNodes {
  readonly nodes: readonly ShopNode[]
  /** The id of every order, as often as it was carried out. */
  recordedOrders(): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface ShopNode {
  readonly id: string
  readonly address: Address
  readonly weight: number
}

const program = join(repository, 'e2e/crashes/app/server.js')

export async function startShopNodes(folder: string): Promise<ShopNodes> {
  const orders = join(folder, 'orders.log')
  await mkdir(folder, { recursive: true })
  await writeFile(orders, '')
  const ports = await freePorts(2)
  const nodes = ports.map((port, index) => ({
    id: `web-${index + 1}`,
    address: { host: '127.0.0.1', port },
    weight: 10,
  }))
  const processes: ServerProcess[] = []
  const stop = async () => void (await Promise.all(processes.map((each) => each.stop())))
  try {
    for (const { id, address } of nodes) {
      const { host, port } = address
      const env = {
        HOST: host,
        PORT: String(port),
        BATON_NODE: id,
        BATON_RELEASE: 'v1',
        BATON_SHARED: folder,
        BATON_SESSION_STORE: `lmdb:${join(folder, 'sessions')}`,
        SHOP_ORDERS: orders,
      }
      const url = `http://${host}:${port}/health`
      processes.push(await startServerProcess([process.execPath, program], { cwd: folder, url, env }))
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, recordedOrders: () => readOrderFile(orders), stop }
}
