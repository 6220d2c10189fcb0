import { BatonError } from '@baton/core'
import { underLock } from '../deploy/lock.ts'
import { type PastRelease, pastReleases, preparePlan, within } from '../deploy/prepare.ts'
import { assertNoOpenDeploy } from '../deploy/run-roll.ts'
import type { RollFlags } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { openWiring, type Wiring } from '../wiring.ts'
import { newDeployId, rollPlan } from './deploy.ts'

/** `baton rollback [RELEASE]`: a roll like any other, to a release that is still there, whole, on every node. */
export async function rollback(releaseId: string | undefined, flags: RollFlags, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  return underLock({ wiring, purpose: 'rollback', waitMs: flags.wait, terminal }, async (lease) => {
    await assertNoOpenDeploy(wiring)
    const past = await pastReleases(wiring)
    const { release } = releaseId === undefined ? await previous(wiring, past) : named(past, releaseId)
    await assertStaged(wiring, release.id, flags.only)
    const plan = await preparePlan(wiring, {
      deploy: newDeployId(release.id, wiring),
      kind: 'rollback',
      release,
      only: flags.only,
    })
    return rollPlan({ wiring, plan, lease, flags, terminal })
  })
}

function named(past: readonly PastRelease[], releaseId: string): PastRelease {
  const found = past.find((each) => each.release.id === releaseId)
  if (found !== undefined) return found
  throw new BatonError('unknown-release', `no successful deploy of ${releaseId} is known`, {
    hint:
      past.length === 0 ? 'nothing was deployed yet' : `known are ${past.map((each) => each.release.id).join(', ')}`,
  })
}

/** The newest successful release that is not what the nodes run now. */
async function previous(wiring: Wiring, past: readonly PastRelease[]): Promise<PastRelease> {
  const views = await Promise.all([...wiring.nodes.values()].map(({ node }) => node.inspect(within(10_000))))
  const current = new Set(views.map((view) => view.running ?? view.current))
  const found = past.find((each) => !current.has(each.release.id))
  if (found !== undefined) return found
  throw new BatonError('nothing-to-go-back-to', 'there is no earlier successful release to go back to', {
    hint: '`baton history` shows what was deployed',
  })
}

/** Before anything is touched: every node could really go there. */
async function assertStaged(wiring: Wiring, releaseId: string, only: readonly string[] | null): Promise<void> {
  const problems: string[] = []
  for (const [id, { node }] of wiring.nodes) {
    if (only !== null && !only.includes(id)) continue
    await node.verify(releaseId, within(300_000)).catch((error: Error) => problems.push(`${id}: ${error.message}`))
  }
  if (problems.length === 0) return
  throw new BatonError('release-missing', `cannot go back to ${releaseId}, nothing was touched`, {
    log: problems,
    hint: 'deploy its source again with `baton deploy SOURCE`',
  })
}
