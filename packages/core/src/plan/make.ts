import { formatAddress } from '../config/address.ts'
import type { Config } from '../config/types.ts'
import type { BalancerAbilities, BalancerView } from '../ports/balancer.ts'
import { BatonError } from '../ports/errors.ts'
import type { NodeView, Release } from '../ports/node.ts'
import type { Plan, PlannedNode } from './plan.ts'

/** What was found before planning. */
export interface Observed {
  readonly balancer: BalancerView
  /** What this balancer is able to do. */
  readonly supports: BalancerAbilities
  readonly nodes: ReadonlyMap<string, NodeView>
  /** Why a node could not go back to what it runs now, by node id; empty where all could. */
  readonly noWayBack: ReadonlyMap<string, string>
  /** Releases of past successful deploys, newest first. */
  readonly succeeded: readonly string[]
}

export interface Wish {
  readonly deploy: string
  readonly kind: 'deploy' | 'rollback'
  readonly release: Release
  /** Ids of the nodes to roll; all of them where null. */
  readonly only: readonly string[] | null
}

/** The plan of a roll. Fails with `unknown-node` for an id that is not configured, and with `unsupported` for what the balancer cannot do. */
export function makePlan(config: Config, wish: Wish, observed: Observed): Plan {
  refuseUnsupported(config, observed.supports)
  const nodes = chosen(config, wish.only).map((id) => planNode(config, id, observed))
  const of = config.nodes.reduce((sum, node) => sum + node.weight, 0)
  return {
    deploy: wish.deploy,
    kind: wish.kind,
    release: wish.release,
    from: mostCommon(nodes.flatMap((node) => (node.from === null ? [] : [node.from]))),
    nodes,
    batches: batchesOf(nodes, config.rollout.batch),
    floor: { weight: (of * config.rollout.minAvailablePercent) / 100, of },
    rollout: {
      batch: config.rollout.batch,
      drainTimeoutMs: config.rollout.drainTimeoutMs,
      onDrainTimeout: config.rollout.onDrainTimeout,
      bakeMs: config.rollout.bakeMs,
      ramp: config.rollout.ramp,
      onFailure: config.rollout.onFailure,
      progressDeadlineMs: config.rollout.progressDeadlineMs,
    },
    keep: kept(config, wish.release.id, nodes, observed.succeeded),
    warnings: warningsFor(config, nodes, observed),
  }
}

function refuseUnsupported({ balancer, rollout }: Config, supports: BalancerAbilities): void {
  if (rollout.ramp.length === 0 || supports.weights) return
  throw new BatonError('unsupported', `rollout.ramp changes weights, and this balancer (${balancer.driver}) cannot`, {
    hint: 'remove rollout.ramp from baton.yaml, or use a balancer that can',
  })
}

function chosen(config: Config, only: readonly string[] | null): readonly string[] {
  const all = config.nodes.map((node) => node.id)
  if (only === null) return all
  const unknown = only.filter((id) => !all.includes(id))
  if (unknown.length > 0) {
    throw new BatonError('unknown-node', `no node is called ${unknown.join(', ')}`, {
      hint: `the nodes are ${all.join(', ')}`,
    })
  }
  return all.filter((id) => only.includes(id))
}

function planNode(config: Config, id: string, observed: Observed): PlannedNode {
  const node = config.nodes.find((each) => each.id === id)!
  const view = observed.nodes.get(id)
  const state = observed.balancer.nodes.find((each) => each.id === id)?.state
  return {
    id,
    address: formatAddress(node.address),
    weight: node.weight,
    from: view?.running ?? view?.current ?? null,
    // Whoever drains by hand leaves the app running; a node that is out and does not run is one to repair.
    parked: (state === 'draining' || state === 'drained') && view?.process !== 'stopped' && view?.process !== 'crashed',
  }
}

function batchesOf(nodes: readonly PlannedNode[], size: number): string[][] {
  const batches: string[][] = []
  for (let start = 0; start < nodes.length; start += size) {
    batches.push(nodes.slice(start, start + size).map((node) => node.id))
  }
  return batches
}

function mostCommon(values: readonly string[]): string | null {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}

/** The new release, what the nodes run now, and the last successful ones: never counted against each other. */
function kept(config: Config, release: string, nodes: readonly PlannedNode[], succeeded: readonly string[]): string[] {
  const running = nodes.flatMap((node) => (node.from === null ? [] : [node.from]))
  const past = succeeded.filter((id) => id !== release).slice(0, config.release.keep)
  const always = config.release.keep === 0 ? [] : running
  return [...new Set([release, ...always, ...past])]
}

function warningsFor(config: Config, nodes: readonly PlannedNode[], observed: Observed): string[] {
  const warnings: string[] = []
  for (const node of nodes) {
    const damaged = observed.noWayBack.get(node.id)
    if (node.from === null) {
      warnings.push(
        `${node.id}: no earlier release is known, so a failure here cannot be rolled back and halts the deploy`,
      )
    } else if (damaged !== undefined) {
      warnings.push(`${node.id}: cannot go back to ${node.from}: ${damaged}`)
    }
    if (node.parked) {
      warnings.push(`${node.id} was drained by hand: it is upgraded and stays out until \`baton join ${node.id}\``)
    }
  }
  const down = observed.balancer.nodes.filter((node) => node.state === 'down' || node.state === 'unknown')
  for (const node of down)
    warnings.push(
      `${node.id} is ${node.state}: the floor of ${config.rollout.minAvailablePercent}% may hold the roll up`,
    )
  return warnings
}
