import { type LedgerEntry, type Statistics, statistics } from './ledger.ts'
import { verifyOrders } from './orders.ts'

/** What the users of this traffic went through. */
export interface Verdict extends Statistics {
  /** No request failed, no order is known to be lost or doubled, nobody was logged out and every cart was right. */
  readonly clean: boolean
  /** Answers that showed nobody's or somebody else's name. */
  readonly logouts: number
  readonly wrongCarts: number
  /** Orders that the app acknowledged. */
  readonly orders: number
  /** Orders acknowledged and not recorded, and recorded twice; null where the app's records were not read. */
  readonly lost: number | null
  readonly doubled: number | null
  readonly users: number
  /** The share of the schedule that was kept: answers a second, from the first request to the stop. */
  readonly ratePerSecond: number
  /** How long a request at most waited for a free client, or for this process. */
  readonly worstLateMs: number
  /** TCP connections opened beyond one a client: so often an idle connection had been closed from the other side. */
  readonly reconnects: number
  readonly phases: Readonly<Record<string, Statistics>>
  /** Answers by node. */
  readonly nodes: Readonly<Record<string, number>>
  /** The first twenty answers that were not as they must be. */
  readonly problems: readonly LedgerEntry[]
  readonly ledger: readonly LedgerEntry[]
}

export interface Evidence {
  readonly ledger: readonly LedgerEntry[]
  /** The ids of all recorded orders; null where they were not read. */
  readonly recorded: readonly string[] | null
  readonly users: number
  readonly reconnects: number
  readonly elapsedMs: number
}

export function reachVerdict({ ledger, recorded, users, reconnects, elapsedMs }: Evidence): Verdict {
  const verified = verifyOrders(ledger, recorded ?? [])
  const lost = recorded === null ? null : verified.lost.length
  const doubled = recorded === null ? null : verified.doubled.length
  const scheduled = ledger.filter((entry) => entry.phase !== 'final')
  const problems = ledger.filter((entry) => entry.problem !== null)
  const count = (problem: LedgerEntry['problem']) => problems.filter((entry) => entry.problem === problem).length
  return {
    ...statistics(ledger),
    clean: problems.length === 0 && !lost && !doubled,
    logouts: count('logged-out'),
    wrongCarts: count('wrong-cart'),
    orders: verified.acknowledged,
    lost,
    doubled,
    users,
    ratePerSecond: (scheduled.length * 1000) / Math.max(elapsedMs, 1),
    worstLateMs: ledger.reduce((worst, entry) => Math.max(worst, entry.lateMs), 0),
    reconnects,
    phases: Object.fromEntries(
      [...new Set(ledger.map((entry) => entry.phase))].map((phase) => [
        phase,
        statistics(ledger.filter((entry) => entry.phase === phase)),
      ]),
    ),
    nodes: countBy(ledger, (entry) => entry.node),
    problems: problems.slice(0, 20),
    ledger,
  }
}

/** The verdict for people, line by line; what was wrong last. */
export function verdictLines(verdict: Verdict): readonly string[] {
  const phases = Object.entries(verdict.phases).filter(([name]) => name !== 'final')
  return [
    `requests      ${verdict.requests} (${verdict.ratePerSecond.toFixed(0)}/s), ${verdict.orders} of them orders`,
    `failed        ${verdict.failed}`,
    `lost          ${verdict.lost ?? 'not checked'}`,
    `doubled       ${verdict.doubled ?? 'not checked'}`,
    `users         ${verdict.users}`,
    `logged out    ${verdict.logouts}`,
    `wrong carts   ${verdict.wrongCarts}`,
    ...phases.map(
      ([name, phase]) =>
        `${name.padEnd(13)} p50 ${inMs(phase.p50Ms)}, p99 ${inMs(phase.p99Ms)} of ${phase.requests} requests`,
    ),
    `nodes         ${Object.entries(verdict.nodes)
      .map(([node, count]) => `${node} ${count}`)
      .join(', ')}`,
    `sent late by  ${inMs(verdict.worstLateMs)} at worst; ${verdict.reconnects} idle connections closed by the other side`,
    ...verdict.problems
      .slice(0, 5)
      .map(
        (entry) =>
          `${entry.problem}: ${new Date(entry.startedAt).toISOString()} ${entry.method} ${entry.path} of ${entry.user} ` +
          `by ${entry.node ?? 'no node'} after ${inMs(entry.latencyMs)}: ${entry.error}`,
      ),
  ]
}

function inMs(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

function countBy(entries: readonly LedgerEntry[], key: (entry: LedgerEntry) => string | null): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const entry of entries) {
    const name = key(entry)
    if (name !== null) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
