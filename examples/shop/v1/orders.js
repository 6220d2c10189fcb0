// Orders, one line of JSON each. A line is one write to a file opened for appending, so several nodes can share the file,
// and what was answered with 201 survives a kill -9.
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * @typedef {{ id: string, user: string | null, node: string, release: string }} Order
 * @typedef {{ add: (order: Order) => Promise<void>, close: () => Promise<void> }} Orders
 */

/** @returns {Promise<Orders>} */
export async function openOrders() {
  const path = process.env.SHOP_ORDERS ?? join(process.env.BATON_SHARED ?? '.', 'orders.log')
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'a')
  return {
    add: (order) => file.appendFile(`${JSON.stringify({ ...order, at: new Date().toISOString() })}\n`),
    close: () => file.close(),
  }
}
