import { type BalancerView, makePlan, type NodeView, type Plan, type Release, summarise, type Wish } from '@baton/core'
import type { Wiring } from '../wiring.ts'

/** Looks at the world and plans; changes nothing. */
export async function preparePlan(wiring: Wiring, wish: Wish): Promise<Plan> {
  const signal = AbortSignal.timeout(observeDeadlineMs)
  const balancer: BalancerView = await wiring.balancer.inspect({ signal })
  const nodes = new Map<string, NodeView>()
  const noWayBack = new Map<string, string>()
  await Promise.all(
    [...wiring.nodes].map(async ([id, { node }]) => {
      const view = await node.inspect({ signal })
      nodes.set(id, view)
      const from = view.running ?? view.current
      if (from === null) return
      await node.verify(from, { signal }).catch((error: Error) => noWayBack.set(id, error.message))
    }),
  )
  return makePlan(wiring.config, wish, {
    balancer,
    nodes,
    noWayBack,
    succeeded: succeededIds(await pastReleases(wiring)),
  })
}

const observeDeadlineMs = 60_000

/** A release that a deploy ended with in success. */
export interface PastRelease {
  readonly deploy: string
  readonly release: Release
}

/** Releases of successful deploys and rollbacks, the newest first; each once, where it was deployed last. */
export async function pastReleases(wiring: Wiring): Promise<PastRelease[]> {
  const found = new Map<string, PastRelease>()
  for (const deploy of [...(await wiring.journals.list())].reverse()) {
    const events = await wiring.journals.read(deploy)
    const started = events[0]
    if (started?.type !== 'deploy.started' || summarise(events)?.outcome !== 'succeeded') continue
    const { release } = started.plan
    if (!found.has(release.id)) found.set(release.id, { deploy, release })
  }
  return [...found.values()]
}

function succeededIds(past: readonly PastRelease[]): string[] {
  return past.map((each) => each.release.id)
}
