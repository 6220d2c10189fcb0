import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
import { type Connection, openConnection } from './connection.ts'
import { exchange } from './exchange.ts'
import { type LedgerEntry, quantile } from './ledger.ts'
import { createShopper, type Shopper, type Visit } from './shopper.ts'
import { reachVerdict, type Verdict } from './verdict.ts'

export interface TrafficOptions {
  /** The balancer, for example http://127.0.0.1:8080. */
  readonly url: string
  /** Keep-alive clients, each with one connection of its own. */
  readonly clients?: number
  readonly ratePerSecond?: number
  /** Share of POSTs: nine of ten are orders, the tenth puts something into the user's cart. */
  readonly postShare?: number
  readonly users?: number
  /** A request whose answer is not complete by then has failed. */
  readonly timeoutMs?: number
  /** Reads the ids of all orders that the app recorded, as often as they are recorded; asked when the traffic stops. */
  readonly recordedOrders?: () => Promise<readonly string[]>
}

export interface Traffic {
  /** From now on requests fall into the phase `phase`. The first is called `before`. */
  mark(phase: string): void
  snapshot(): Snapshot
  /** Everything answered so far, in the order of the answers. */
  ledger(): readonly LedgerEntry[]
  /** Ends the schedule, waits for the last answers, looks at every user once more and judges. */
  stop(): Promise<Verdict>
}

export interface Snapshot {
  readonly elapsedMs: number
  readonly requests: number
  readonly failed: number
  readonly loggedOut: number
  readonly wrongCarts: number
  readonly inFlight: number
  /** Due, and waiting for a free client. */
  readonly waiting: number
  /** Of the last 200 answers; null before the first. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** Answers by node. */
  readonly nodes: Readonly<Record<string, number>>
  /** The newest answer that was not as it must be. */
  readonly lastProblem: LedgerEntry | null
}

/**
 * Logs the users in, then sends requests on a schedule that does not wait for answers (an open loop): one that finds no
 * free client waits, and its latency counts from the moment it fell due. Resolves when the users are logged in.
 * Fails with `login-failed`.
 */
export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { clients = 32, ratePerSecond = 200, postShare = 0.3, users = 20, timeoutMs = 30_000 } = options
  const origin = new URL(options.url)
  const run = randomBytes(3).toString('hex')
  const shoppers = Array.from({ length: users }, (_, index) => createShopper(`user-${run}-${pad(index + 1, 4)}`))
  const connections = Array.from({ length: clients }, () => openConnection(origin))
  const ledger: LedgerEntry[] = []
  const counts = { due: 0, items: 0, inFlight: 0, failed: 0, loggedOut: 0, wrongCarts: 0 }
  const nodes: Record<string, number> = {}
  let phase = 'before'

  /** Free clients, the longest idle first, so that every connection is used, and idle, alike. */
  const free = [...connections]
  const waiting: Due[] = []

  await logIn(shoppers, connections, timeoutMs)
  const startedAt = performance.now()

  const nextItem = () => {
    counts.items += 1
    return `${run}-${pad(counts.items, 6)}`
  }

  const nextDue = (dueAt: number): Due => {
    const shopper = shoppers[Math.floor(Math.random() * shoppers.length)] as Shopper
    const chance = Math.random()
    const visit = () => {
      if (chance < postShare * 0.1) return shopper.putIntoCart(nextItem())
      if (chance < postShare) return shopper.order(nextItem())
      return chance < postShare + (1 - postShare) * 0.8 ? shopper.lookAtMe() : shopper.lookAtPage()
    }
    counts.due += 1
    return { id: counts.due, dueAt, phase, shopper, visit }
  }

  const send = async (due: Due, connection: Connection) => {
    counts.inFlight += 1
    const visit = due.visit()
    const sentAt = performance.now()
    const startedAt = Date.now()
    const { status, node, release, finding } = await exchange(connection, visit, timeoutMs)
    counts.inFlight -= 1
    free.push(connection)
    record({
      id: due.id,
      user: due.shopper.name,
      method: visit.outgoing.method,
      path: visit.outgoing.path,
      phase: due.phase,
      item: visit.item,
      node,
      release,
      status,
      problem: finding?.problem ?? null,
      error: finding?.error ?? null,
      startedAt,
      lateMs: sentAt - due.dueAt,
      latencyMs: performance.now() - due.dueAt,
    })
    serveWaiting()
  }

  const record = (entry: LedgerEntry) => {
    ledger.push(entry)
    if (entry.problem === 'failed') counts.failed += 1
    if (entry.problem === 'logged-out') counts.loggedOut += 1
    if (entry.problem === 'wrong-cart') counts.wrongCarts += 1
    if (entry.node !== null) nodes[entry.node] = (nodes[entry.node] ?? 0) + 1
  }

  const serveWaiting = () => {
    while (waiting.length > 0 && free.length > 0) void send(waiting.shift() as Due, free.shift() as Connection)
  }

  let scheduled = 0
  const tick = () => {
    const now = performance.now()
    while (startedAt + (scheduled * 1000) / ratePerSecond <= now) {
      waiting.push(nextDue(startedAt + (scheduled * 1000) / ratePerSecond))
      scheduled += 1
    }
    serveWaiting()
  }
  const timer = setInterval(tick, 2)

  const settled = async () => {
    while (waiting.length > 0 || counts.inFlight > 0) await sleep(2)
  }

  let verdict: Promise<Verdict> | undefined
  const end = async (): Promise<Verdict> => {
    clearInterval(timer)
    const elapsedMs = performance.now() - startedAt
    await settled()
    for (const shopper of shoppers) {
      counts.due += 1
      waiting.push({ id: counts.due, dueAt: performance.now(), phase: 'final', shopper, visit: shopper.lookAtMe })
    }
    serveWaiting()
    await settled()
    for (const connection of connections) connection.close()
    const recorded = options.recordedOrders === undefined ? null : await options.recordedOrders()
    const reconnects = connections.reduce((sum, connection) => sum + Math.max(0, connection.opened() - 1), 0)
    return reachVerdict({ ledger, recorded, users, reconnects, elapsedMs })
  }

  return {
    mark(name) {
      phase = name
    },
    snapshot() {
      const latest = ledger.slice(-200).map((entry) => entry.latencyMs)
      latest.sort((a, b) => a - b)
      return {
        elapsedMs: performance.now() - startedAt,
        requests: ledger.length,
        failed: counts.failed,
        loggedOut: counts.loggedOut,
        wrongCarts: counts.wrongCarts,
        inFlight: counts.inFlight,
        waiting: waiting.length,
        p50Ms: quantile(latest, 0.5),
        p99Ms: quantile(latest, 0.99),
        nodes: { ...nodes },
        lastProblem: ledger.findLast((entry) => entry.problem !== null) ?? null,
      }
    },
    ledger: () => ledger,
    stop() {
      verdict ??= end()
      return verdict
    },
  }
}

interface Due {
  readonly id: number
  readonly dueAt: number
  readonly phase: string
  readonly shopper: Shopper
  /** Called when it is sent. */
  readonly visit: () => Visit
}

async function logIn(shoppers: readonly Shopper[], connections: readonly Connection[], timeoutMs: number) {
  const left = [...shoppers]
  const logInLeft = async (connection: Connection) => {
    for (let shopper = left.shift(); shopper !== undefined; shopper = left.shift()) {
      for (const visit of [shopper.login, shopper.lookAtMe]) {
        const { finding } = await exchange(connection, visit(), timeoutMs)
        if (finding !== null) {
          throw new BatonError('login-failed', `${shopper.name} could not log in: ${finding.error}`, {
            hint: 'See that the app answers POST /login and GET /me through the balancer.',
          })
        }
      }
    }
  }
  try {
    await Promise.all(connections.map(logInLeft))
  } catch (error) {
    for (const connection of connections) connection.close()
    throw error
  }
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
