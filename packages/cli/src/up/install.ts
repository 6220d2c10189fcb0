import { resolve } from 'node:path'
import { BatonError, type LockLease, type Plan, type Release } from '@baton/core'
import { createReleaseStore, describeRelease } from '@baton/drivers'
import { newDeployId } from '../commands/deploy.ts'
import { pastReleases, preparePlan, within } from '../deploy/prepare.ts'
import { openDeploy, runRoll } from '../deploy/run-roll.ts'
import type { Wiring } from '../wiring.ts'
import type { UpLog } from './log.ts'

/**
 * The first start: nodes without a release get one, release.source where nothing was ever deployed, else what the other
 * nodes run. It is a deploy like any other, in the history, only that all of them go at once: nobody is served yet.
 */
export async function installWhatIsMissing(wiring: Wiring, log: UpLog, stop: AbortSignal): Promise<void> {
  const missing = await nodesWithoutRelease(wiring)
  if (missing.length === 0 || stop.aborted) return
  const lease = await lockUnlessHeld(wiring, log)
  if (lease === null) return
  try {
    if ((await openDeploy(wiring)) !== null) {
      log.say(
        'up.not-installed',
        `${missing.join(', ')}: no release yet, and a deploy is open: end it with \`baton resume\` or \`baton abort\``,
      )
      return
    }
    await install(wiring, lease, missing, log)
  } finally {
    if (!lease.lost.aborted) await lease.release()
  }
}

async function nodesWithoutRelease(wiring: Wiring): Promise<string[]> {
  const known = new Set((await pastReleases(wiring)).map((each) => each.release.id))
  const views = await Promise.all(
    [...wiring.nodes].map(async ([id, { node }]) => ({ id, current: (await node.inspect(within(30_000))).current })),
  )
  const missing = views.filter(({ current }) => current === null || !known.has(current)).map(({ id }) => id)
  const serving = await Promise.all(missing.map((id) => servesWithoutUs(wiring, id)))
  return missing.filter((_, index) => !serving[index])
}

/**
 * An app that something else started, and that answers: users are on it, and all nodes at once is not for them. The first
 * `baton deploy` rolls over it like over any other.
 */
async function servesWithoutUs({ nodes }: Wiring, id: string): Promise<boolean> {
  const found = nodes.get(id)
  if (found === undefined || found.node.driver !== 'command') return false
  return (await found.probe.check(AbortSignal.timeout(30_000))).healthy
}

/** While a deploy runs (`up` was killed and is back), nodes are its business. */
async function lockUnlessHeld(wiring: Wiring, log: UpLog): Promise<LockLease | null> {
  try {
    return await wiring.lock.acquire('first start')
  } catch (error) {
    if (!(error instanceof BatonError) || error.code !== 'lock-held') throw error
    log.say('up.not-installed', `${error.message}; nodes without a release are left alone`)
    return null
  }
}

async function install(wiring: Wiring, lease: LockLease, missing: readonly string[], log: UpLog): Promise<void> {
  const release = await releaseToInstall(wiring, missing)
  const deploy = newDeployId(release.id, wiring)
  const planned = await preparePlan(wiring, { deploy, kind: 'deploy', release, only: missing })
  const plan = allAtOnce(planned)
  const roll = { wiring, lease, deploy, timeoutMs: null, json: log.json, terminal: log.terminal }
  const nodes = plan.nodes.map((node) => node.id)
  const started = { type: 'deploy.started', release: release.id, from: plan.from, nodes, plan } as const
  const outcome = await runRoll({ ...roll, first: started })
  if (outcome === 'succeeded') return
  if (outcome === 'halted') {
    // Nothing ran before, so what is left of the failed start is taken away; the next `up` begins anew.
    await runRoll({ ...roll, first: { type: 'deploy.aborting', only: null } })
  }
  throw new BatonError('first-start-failed', `${release.id} could not be started on ${missing.join(', ')}`, {
    hint: 'repair the app, then run `baton up` again; the lines above tell what it said',
  })
}

function allAtOnce(plan: Plan): Plan {
  // What may lie there from a first start that failed is nothing to go back to.
  const nodes = plan.nodes.map((node) => ({ ...node, from: null, parked: false }))
  return {
    ...plan,
    from: null,
    nodes,
    batches: [nodes.map((node) => node.id)],
    rollout: { ...plan.rollout, batch: nodes.length, bakeMs: 0, ramp: [] },
    // Nobody is served yet: there is no capacity to keep.
    floor: { ...plan.floor, weight: 0 },
    warnings: [],
  }
}

async function releaseToInstall(wiring: Wiring, missing: readonly string[]): Promise<Release> {
  const at = new Date(wiring.clock.now())
  const serving = await releaseOfOthers(wiring, missing)
  if (serving !== null) return describeRelease(serving.dir, { at, id: serving.id })
  const { source } = wiring.config.release
  if (source === null) {
    throw new BatonError('usage', 'there is nothing to start: no release was deployed and release.source is not set', {
      hint: 'set release.source in baton.yaml to the folder or archive of the app',
    })
  }
  return describeRelease(resolve(wiring.dir, source), { at })
}

/** A node that was added gets what the others run, from their own files: the source may be newer by now. */
async function releaseOfOthers(
  wiring: Wiring,
  missing: readonly string[],
): Promise<{ id: string; dir: string } | null> {
  for (const [id, { node }] of wiring.nodes) {
    if (missing.includes(id)) continue
    const { current } = await node.inspect(within(30_000))
    if (current === null) continue
    const store = createReleaseStore({ dir: resolve(wiring.stateDir, 'nodes', id) })
    return { id: current, dir: store.releaseDir(current) }
  }
  return null
}
