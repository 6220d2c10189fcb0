import { type BalancerNodeView, type DeploySummary, formatAddress, type NodeState } from '@baton/core'
import { openDeploy } from '../deploy/run-roll.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { table } from '../view/table.ts'
import { openWiring, type Wiring } from '../wiring.ts'

interface Status {
  readonly name: string
  readonly release: string | null
  readonly nodes: readonly NodeStatus[]
  /** The deploy that has not come to an end; null where there is none. */
  readonly deploy: DeploySummary | null
}

interface NodeStatus {
  readonly id: string
  readonly address: string
  readonly weight: number
  readonly state: NodeState
  readonly inflight: number | null
  readonly release: string | null
  readonly healthy: boolean
}

const deadlineMs = 5_000

/** `baton status` */
export async function status(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  const found = await statusOf(wiring, terminal)
  if (flags.json) terminal.out(JSON.stringify(found))
  else for (const line of linesOf(found)) terminal.out(line)
  return 0
}

async function statusOf(wiring: Wiring, terminal: Terminal): Promise<Status> {
  const views = balancerViews(wiring, terminal)
  const nodes = await Promise.all(
    wiring.config.nodes.map(async (node): Promise<NodeStatus> => {
      const [view, release] = await Promise.all([
        views.then((byId) => byId.get(node.id)),
        releaseOf(wiring, node.id, terminal),
      ])
      return {
        id: node.id,
        address: formatAddress(node.address),
        weight: view?.weight ?? node.weight,
        state: view?.state ?? 'unknown',
        inflight: view?.inflight ?? null,
        release,
        healthy: await isHealthy(wiring, node.id, view),
      }
    }),
  )
  const releases = new Set(nodes.map((node) => node.release))
  return {
    name: wiring.config.name,
    // One release only where all agree: in the middle of a roll there is none.
    release: releases.size === 1 ? [...releases][0]! : null,
    nodes,
    deploy: (await openDeploy(wiring))?.summary ?? null,
  }
}

async function balancerViews(wiring: Wiring, terminal: Terminal): Promise<Map<string, BalancerNodeView>> {
  try {
    const view = await wiring.balancer.inspect({ signal: AbortSignal.timeout(deadlineMs) })
    return new Map(view.nodes.map((node) => [node.id, node]))
  } catch (error) {
    terminal.err(`the balancer cannot be asked: ${(error as Error).message}`)
    return new Map()
  }
}

/** The balancer checks only nodes that are in; of one that is out it remembers how it was, so that one is asked here. */
async function isHealthy(wiring: Wiring, id: string, view: BalancerNodeView | undefined): Promise<boolean> {
  if (view === undefined) return false
  if (view.state !== 'draining' && view.state !== 'drained') return view.healthy
  const answer = await wiring.nodes
    .get(id)!
    .probe.check(AbortSignal.timeout(deadlineMs))
    .catch(() => null)
  return answer?.healthy ?? false
}

async function releaseOf(wiring: Wiring, id: string, terminal: Terminal): Promise<string | null> {
  try {
    const view = await wiring.nodes.get(id)!.node.inspect({ signal: AbortSignal.timeout(deadlineMs) })
    return view.running ?? view.current
  } catch (error) {
    terminal.err(`${id} cannot be asked: ${(error as Error).message}`)
    return null
  }
}

function linesOf(found: Status): string[] {
  const rows = found.nodes.map((node) => [
    node.id,
    node.address,
    node.state,
    node.healthy ? 'healthy' : 'unhealthy',
    String(node.weight),
    node.inflight === null ? '?' : String(node.inflight),
    node.release ?? '-',
  ])
  const lines = [`${found.name}  release ${found.release ?? 'differs between nodes'}`, '']
  lines.push(...table([['NODE', 'ADDRESS', 'STATE', 'HEALTH', 'WEIGHT', 'IN FLIGHT', 'RELEASE'], ...rows]))
  if (found.deploy !== null) {
    const { deploy, outcome, reason } = found.deploy
    lines.push('', `deploy ${deploy}: ${outcome ?? 'under way, or cut off'}${reason === null ? '' : ` (${reason})`}`)
    lines.push('`baton resume` goes on with it, `baton abort` puts everything back')
  }
  return lines
}
