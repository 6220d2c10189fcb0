import { type BalancerView, type Effect, type Plan, weightAtJoin } from '../../src/index.ts'
import type { Random } from './random.ts'

/** The balancer and the nodes as they really are, whatever the deploy believes. */
export interface World {
  readonly nodes: Map<string, WorldNode>
  view(): BalancerView
  servingWeight(): number
  /** Does what the effect is there for; throws where an invariant is broken. Returns null, or why it could not be done. */
  apply(effect: Effect, options: { readonly knownEndings: number }): string | null
  /** A process ends by itself. */
  crash(node: string): void
  /** How many processes have ended by themselves. A floor broken by one that nobody could know of is nobody's fault. */
  readonly endings: number
}

export interface WorldNode {
  readonly id: string
  weight: number
  admin: 'in' | 'out'
  running: string | null
  current: string | null
  readonly staged: Set<string>
  inflight: number
  /** How often this world has changed it, for the rule that untouched nodes stay untouched. */
  changes: number
}

export function createWorld(plan: Plan, random: Random): World {
  const nodes = new Map<string, WorldNode>()
  for (const planned of plan.nodes) {
    const current = planned.from
    nodes.set(planned.id, {
      id: planned.id,
      weight: planned.weight,
      admin: planned.parked ? 'out' : 'in',
      running: current,
      current,
      staged: new Set(current === null ? [] : [current]),
      inflight: random.between(0, 3),
      changes: 0,
    })
  }
  let endings = 0
  const serves = (node: WorldNode) => node.admin === 'in' && node.running !== null
  const servingWeight = () => [...nodes.values()].reduce((sum, node) => sum + (serves(node) ? node.weight : 0), 0)

  return {
    nodes,
    servingWeight,
    view: () => ({
      generation: '1',
      nodes: [...nodes.values()].map((node) => ({
        id: node.id,
        address: node.id,
        state:
          node.admin === 'out'
            ? node.inflight > 0
              ? 'draining'
              : 'drained'
            : node.running === null
              ? 'down'
              : 'serving',
        weight: node.weight,
        healthy: node.running !== null,
        inflight: node.inflight,
        longLived: 0,
      })),
    }),
    apply(effect, { knownEndings }) {
      if (effect.type === 'survey') return null
      const node = nodes.get(effect.node)!
      const weighs = (weight: number) => {
        const before = servingWeight()
        node.weight = weight
        // Once a process has ended by itself, what is left may be too little anyway.
        if (endings === 0 && before >= plan.floor.weight && servingWeight() < plan.floor.weight) {
          throw new Error(`floor broken: with a weight of ${weight} on ${node.id}, ${servingWeight()} is left`)
        }
      }
      node.changes +=
        effect.type === 'stage' || effect.type === 'prune' || effect.type === 'check' || effect.type === 'bake' ? 0 : 1
      switch (effect.type) {
        case 'stage':
          node.staged.add(plan.release.id)
          return null
        case 'drain':
          if (knownEndings === endings && serves(node) && servingWeight() - node.weight < plan.floor.weight) {
            throw new Error(
              `floor broken: draining ${node.id} leaves ${servingWeight() - node.weight} of ${plan.floor.weight}`,
            )
          }
          node.admin = 'out'
          node.inflight = 0
          return null
        case 'stop':
          if (node.admin === 'in') throw new Error(`${node.id} is stopped while it is in the balancer`)
          if (node.inflight > 0) throw new Error(`${node.id} is stopped with ${node.inflight} in flight`)
          node.running = null
          return null
        case 'activate':
          if (!node.staged.has(effect.release)) throw new Error(`${effect.release} was never staged on ${node.id}`)
          if (node.running !== null) throw new Error(`${node.id} is switched while it runs`)
          node.current = effect.release
          return null
        case 'start':
          node.running = node.current
          return null
        case 'check':
          return node.running === effect.release ? null : `runs ${node.running}`
        case 'join':
          if (node.running === null) return 'nothing runs'
          weighs(weightAtJoin(plan, plan.nodes.find(({ id }) => id === node.id)!))
          node.admin = 'in'
          return null
        case 'ramp':
          if (node.admin === 'out') throw new Error(`${node.id} gets its weight before it has joined`)
          if (node.running === null) return 'crashed'
          weighs(effect.weight)
          return null
        case 'bake':
          return node.running === null ? 'crashed' : null
        case 'prune':
          for (const release of node.staged) if (!plan.keep.includes(release)) node.staged.delete(release)
          return null
      }
    },
    get endings() {
      return endings
    },
    crash(id) {
      const node = nodes.get(id)!
      node.running = null
      node.inflight = 0
      endings += 1
    },
  }
}
