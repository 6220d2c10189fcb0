import { readFile } from 'node:fs/promises'
import type { LedgerEntry } from './ledger.ts'

/** What became of the orders, by comparing what the app acknowledged with what it recorded. */
export interface OrderVerification {
  readonly acknowledged: number
  /** Acknowledged and not recorded: the request was lost behind its answer. */
  readonly lost: readonly string[]
  /** Recorded more than once: one request was executed twice. */
  readonly doubled: readonly string[]
  /** Recorded and not acknowledged: executed, but the client saw a failure. */
  readonly unacknowledged: readonly string[]
}

/** `recordedIds`: every order id in the app's files, as often as it stands there; those of other traffic are ignored. */
export function verifyOrders(ledger: readonly LedgerEntry[], recordedIds: readonly string[]): OrderVerification {
  const recorded = new Map<string, number>()
  for (const id of recordedIds) recorded.set(id, (recorded.get(id) ?? 0) + 1)

  const orders = ledger.filter((entry) => entry.path === '/orders' && entry.item !== null)
  const idsOf = (entries: readonly LedgerEntry[]) => entries.map((entry) => entry.item as string)
  const acknowledged = idsOf(orders.filter(isAcknowledged))
  const refused = idsOf(orders.filter((entry) => !isAcknowledged(entry)))
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((id) => !recorded.has(id)),
    doubled: idsOf(orders).filter((id) => (recorded.get(id) ?? 0) > 1),
    unacknowledged: refused.filter((id) => recorded.has(id)),
  }
}

/**
 * The ids in an order file of examples/shop, as often as they stand there. Not read line by line: a node that was killed
 * may have left half a line that the next one went on behind.
 */
export async function readOrderFile(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8')
  return Array.from(text.matchAll(/"id":"([^"]*)"/g), ([, id = '']) => id)
}

function isAcknowledged(entry: LedgerEntry): boolean {
  return entry.status !== null && entry.problem === null
}
