import { type Balancer, type BalancerNodeView, BatonError, type Call } from '@baton/core'

export interface MemoryBalancerOptions {
  readonly nodes: readonly { readonly id: string; readonly address: string; readonly weight: number }[]
}

/** A balancer within this process, for tests and simulations: what a real one does on its own, the test tells this one. */
export interface MemoryBalancer extends Balancer {
  /** Sends the next request to a node; null where none serves. It is in flight until it ends. */
  route(request?: { readonly onClose?: () => void }): RoutedRequest | null
  setHealthy(node: string, seen: { readonly healthy: boolean }): void
  /** Counts so many requests in flight besides those that were routed. */
  setInflight(node: string, counts: { readonly inflight: number; readonly longLived?: number }): void
  /** From now on nothing answers; what was in flight is lost. */
  crash(): void
  /** A new generation, with the states, weights and newest token that were set. */
  start(): void
}

export interface RoutedRequest {
  readonly node: string
  /** It is an event stream or an upgraded connection: `onClose` is called by `closeLongLived`. */
  becomesLongLived(): void
  end(answer: { readonly status: number }): void
}

export function createMemoryBalancer(options: MemoryBalancerOptions): MemoryBalancer {
  const entries = options.nodes.map(createEntry)
  let fence = 0
  let generation = 1
  let isUp = true
  const waiting = new Set<() => void>()

  function entryOf(id: string): Entry {
    const entry = entries.find((each) => each.id === id)
    if (entry !== undefined) return entry
    const known = entries.map((each) => each.id).join(', ')
    throw new BatonError('unknown-node', `the balancer has no node ${id}, only ${known}`, { hint: 'baton check' })
  }

  async function reach({ signal }: Pick<Call, 'signal'>): Promise<void> {
    signal.throwIfAborted()
    while (!isUp) {
      await new Promise<void>((resolve, reject) => {
        const started = () => {
          signal.removeEventListener('abort', gaveUp)
          resolve()
        }
        const gaveUp = () => {
          waiting.delete(started)
          reject(new BatonError('balancer-unreachable', 'the balancer is not running', { hint: 'run baton up' }))
        }
        waiting.add(started)
        signal.addEventListener('abort', gaveUp, { once: true })
      })
    }
  }

  async function authorize(call: Call): Promise<void> {
    await reach(call)
    if (call.token < fence) {
      throw new BatonError('stale-token', `token ${call.token} is older than ${fence}, the newest`, {
        hint: 'another deploy has taken over: baton status',
      })
    }
    fence = call.token
  }

  return {
    driver: 'memory',
    supports: { inflight: true, weights: true, closeLongLived: true, metrics: true },

    async inspect(call) {
      await reach(call)
      return { nodes: entries.map(viewOf), generation: String(generation) }
    },

    async set(node, { admin, weight }, call) {
      await authorize(call)
      const entry = entryOf(node)
      entry.admin = admin
      entry.weight = weight ?? entry.weight
      if (admin === 'in') entry.healthy = true
    },

    async closeLongLived(node, call) {
      await authorize(call)
      for (const close of entryOf(node).longLived.values()) close()
    },

    fence: authorize,

    async metrics(node, call) {
      await reach(call)
      const { statuses, requests } = entryOf(node)
      const latency = { bounds: [Number.POSITIVE_INFINITY], counts: [requests], sum: 0 }
      return { requests, statuses: { ...statuses }, failures: 0, retries: 0, latency }
    },

    route({ onClose = () => {} } = {}) {
      const entry = isUp ? pick(entries) : null
      if (entry === null) return null
      const request = {}
      entry.inflight.add(request)
      return {
        node: entry.id,
        becomesLongLived: () => entry.longLived.set(request, onClose),
        end({ status }) {
          // Whatever was in flight when the balancer crashed is no longer counted.
          if (!entry.inflight.delete(request)) return
          entry.longLived.delete(request)
          entry.requests += 1
          const statusClass = `${Math.floor(status / 100)}xx`
          entry.statuses[statusClass] = (entry.statuses[statusClass] ?? 0) + 1
        },
      }
    },

    setHealthy(node, { healthy }) {
      entryOf(node).healthy = healthy
    },

    setInflight(node, { inflight, longLived = 0 }) {
      entryOf(node).told = { inflight, longLived }
    },

    crash() {
      isUp = false
      for (const entry of entries) forget(entry)
    },

    start() {
      isUp = true
      generation += 1
      for (const started of waiting) started()
      waiting.clear()
    },
  }
}

interface Entry {
  readonly id: string
  readonly address: string
  readonly inflight: Set<object>
  readonly longLived: Map<object, () => void>
  told: { inflight: number; longLived: number }
  admin: 'in' | 'out'
  weight: number
  healthy: boolean
  /** For smooth weighted round robin, as nginx does it. */
  currentWeight: number
  requests: number
  statuses: Record<string, number>
}

function createEntry(node: MemoryBalancerOptions['nodes'][number]): Entry {
  return {
    ...node,
    inflight: new Set(),
    longLived: new Map(),
    told: { inflight: 0, longLived: 0 },
    admin: 'in',
    healthy: true,
    currentWeight: 0,
    requests: 0,
    statuses: {},
  }
}

function forget(entry: Entry): void {
  entry.inflight.clear()
  entry.longLived.clear()
  entry.told = { inflight: 0, longLived: 0 }
  entry.requests = 0
  entry.statuses = {}
}

function pick(entries: readonly Entry[]): Entry | null {
  const serving = entries.filter((entry) => entry.admin === 'in' && entry.healthy)
  for (const entry of serving) entry.currentWeight += entry.weight
  const best = serving.reduce<Entry | null>((a, b) => (a === null || b.currentWeight > a.currentWeight ? b : a), null)
  if (best !== null) best.currentWeight -= serving.reduce((sum, entry) => sum + entry.weight, 0)
  return best
}

function viewOf(entry: Entry): BalancerNodeView {
  const { id, address, weight, healthy, told } = entry
  const inflight = entry.inflight.size + told.inflight
  return {
    id,
    address,
    state: stateOf(entry, inflight),
    weight,
    healthy,
    inflight,
    longLived: entry.longLived.size + told.longLived,
  }
}

function stateOf({ admin, healthy }: Entry, inflight: number): BalancerNodeView['state'] {
  if (admin === 'out') return inflight > 0 ? 'draining' : 'drained'
  return healthy ? 'serving' : 'down'
}
