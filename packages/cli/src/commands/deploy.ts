import { resolve } from 'node:path'
import { BatonError, type Plan, type Release } from '@baton/core'
import { describeRelease } from '@baton/drivers'
import { underLock } from '../deploy/lock.ts'
import { preparePlan } from '../deploy/prepare.ts'
import { assertNoOpenDeploy, runRoll } from '../deploy/run-roll.ts'
import { exitCodeFor } from '../exit-code.ts'
import type { CommonOptions, RollFlags } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { planLines } from '../view/plan.ts'
import { openWiring, type Wiring } from '../wiring.ts'

export interface DeployFlags extends RollFlags {
  readonly release?: string
}

/** `baton deploy [SOURCE]` */
export async function deploy(source: string | undefined, flags: DeployFlags, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  return underLock({ wiring, purpose: 'deploy', waitMs: flags.wait, terminal }, async (lease) => {
    await assertNoOpenDeploy(wiring)
    const release = await releaseToDeploy(wiring, source, flags.release)
    const plan = await preparePlan(wiring, {
      deploy: newDeployId(release.id, wiring),
      kind: 'deploy',
      release,
      only: flags.only,
    })
    return rollPlan({ wiring, plan, lease, flags, terminal })
  })
}

/** `baton plan [SOURCE]`: needs no lock, changes nothing. */
export async function plan(
  source: string | undefined,
  flags: CommonOptions & { readonly release?: string; readonly only: readonly string[] | null },
  terminal: Terminal,
): Promise<number> {
  const wiring = await openWiring(flags.config)
  const release = await releaseToDeploy(wiring, source, flags.release)
  const made = await preparePlan(wiring, {
    deploy: newDeployId(release.id, wiring),
    kind: 'deploy',
    release,
    only: flags.only,
  })
  if (flags.json) terminal.out(JSON.stringify(made))
  else for (const line of planLines(made)) terminal.out(line)
  return 0
}

/** Rolls a plan made by `deploy` or `rollback`. */
export async function rollPlan(options: {
  readonly wiring: Wiring
  readonly plan: Plan
  readonly lease: Parameters<Parameters<typeof underLock>[1]>[0]
  readonly flags: RollFlags
  readonly terminal: Terminal
}): Promise<number> {
  const { wiring, plan, lease, flags, terminal } = options
  for (const warning of plan.warnings) terminal.err(`warning: ${warning}`)
  const nodes = plan.nodes.map((node) => node.id)
  const outcome = await runRoll({
    wiring,
    lease,
    deploy: plan.deploy,
    first: { type: 'deploy.started', release: plan.release.id, from: plan.from, nodes, plan },
    timeoutMs: flags.timeout,
    json: flags.json,
    terminal,
  })
  return exitCodeFor(outcome, 'roll')
}

async function releaseToDeploy(wiring: Wiring, source: string | undefined, id: string | undefined): Promise<Release> {
  const named = source ?? wiring.config.release.source
  if (named === null) {
    throw new BatonError('usage', 'there is nothing to deploy: no SOURCE was named', {
      hint: 'name one (`baton deploy ./build`) or set release.source in baton.yaml',
    })
  }
  // What is typed is relative to where it is typed, what is configured to where the configuration lies.
  const path = source === undefined ? resolve(wiring.dir, named) : resolve(named)
  return describeRelease(path, { at: new Date(wiring.clock.now()), ...(id === undefined ? {} : { id }) })
}

/** Sortable, and telling: when, and which release. */
export function newDeployId(releaseId: string, wiring: Wiring): string {
  const at = new Date(wiring.clock.now())
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.(\d{3})Z$/, '$1Z')
  return `${at}-${releaseId.replace(/^\d{8}T\d{6}Z-/, '')}`.slice(0, 80)
}
