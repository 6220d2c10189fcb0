import { type BalancerView, makePlan, type NodeView, type Plan, type Release, summarise, type Wish } from '@baton/core'
import { assertSameNodes } from '../balancer-nodes.ts'
import type { Wiring } from '../wiring.ts'

/** Looks at the world and plans; changes nothing. Fails with `balancer-outdated`. */
export async function preparePlan(wiring: Wiring, wish: Wish): Promise<Plan> {
  const balancer: BalancerView = await wiring.balancer.inspect(within(lookDeadlineMs))
  assertSameNodes(wiring.config, balancer)
  const nodes = new Map<string, NodeView>()
  const noWayBack = new Map<string, string>()
  await Promise.all(
    [...wiring.nodes].map(async ([id, { node }]) => {
      const view = await node.inspect(within(lookDeadlineMs))
      nodes.set(id, view)
      const from = view.running ?? view.current
      if (from === null) return
      await node.verify(from, within(verifyDeadlineMs)).catch((error: Error) => noWayBack.set(id, error.message))
    }),
  )
  return makePlan(wiring.config, wish, {
    balancer,
    supports: wiring.balancer.supports,
    nodes,
    noWayBack,
    succeeded: succeededIds(await pastReleases(wiring)),
  })
}

const lookDeadlineMs = 10_000
/** Every file of the release is read again. */
const verifyDeadlineMs = 300_000

/** A call with a deadline of its own. */
export function within(deadlineMs: number): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(deadlineMs) }
}

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
