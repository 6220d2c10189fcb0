import type { BatonEvent } from '@baton/core'
import { verdictLines } from '@baton/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { needFront } from '../balancer-view.ts'
import type { Rig } from '../rig.ts'
import { watchBalancer } from './balancer-watch.ts'
import { startCut, startCutDeploy } from './cut-deploy.ts'
import { newestJournal } from './journal.ts'
import { lightSource, openLightRig } from './light-rig.ts'
import { allServing, nodesOf } from './nodes.ts'

// Each cut begins where the last one ended: in all it takes no longer than one roll and its starts of `baton`.
test.for([
  { balancer: 'nginx', workers: 4, verbs: 'a roll, and the way back,' },
  { balancer: 'haproxy', workers: 1, verbs: goesBackOn('haproxy') ? 'a roll, and the way back,' : 'a roll' },
] as const)(
  '$balancer ($workers workers): $verbs killed after every single entry, come to their end',
  {
    timeout: 600_000,
  },
  async ({ balancer, workers }, context) => {
    needFront(balancer, context)
    const site = await openLightRig({ nodes: 2, balancer, workers })
    onTestFinished(site.remove)
    const traffic = await site.traffic({ ratePerSecond: 100 })
    const watch = watchBalancer(site)
    const startedAt = performance.now()

    expect(await site.run('deploy', lightSource, '--release', 'v1')).toMatchObject({ exitCode: 0, stderr: '' })
    const roll = (await newestJournal(site.folder)).map(nameOf)
    const cuts = await killAfterEach(site, roll, {
      from: 0,
      begin: ['deploy', lightSource, '--release', 'v2'],
      goOn: ['resume'],
    })
    expect(cuts).toBeGreaterThanOrEqual(36)
    expect(await nodesOf(site)).toEqual(allServing(site, 'v2'))

    const cutsBack = goesBackOn(balancer) ? await cutWayBack(site) : 0
    expect(await nodesOf(site)).toEqual(allServing(site, 'v2'))

    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
    const watched = await watch.stop()
    const verdict = await traffic.stop()
    console.log(`${balancer}, ${workers} workers: ${cuts} + ${cutsBack} cuts in ${seconds} s`, watched)
    console.log(verdictLines(verdict).slice(0, 7).join('\n'))
    expect(watched.lowestWeight).toBeGreaterThanOrEqual(10)
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
  },
)

/** The way back is the same engine's on each balancer: one of them does, but before a release (BATON_KILLS=all). */
function goesBackOn(balancer: string): boolean {
  return balancer === 'nginx' || process.env.BATON_KILLS === 'all'
}

/** Aborts a deploy that was killed in its middle, and kills that after each of its entries as well; resolves to how often. */
async function cutWayBack(site: Rig): Promise<number> {
  const middle = { after: 'node.stopped web-2', signal: 'SIGKILL' } as const
  await startCutDeploy(site, { release: 'v3', ...middle }).exited()
  const cutAt = (await newestJournal(site.folder)).length
  expect(await site.run('abort')).toMatchObject({ exitCode: 0, stderr: '' })
  const wayBack = (await newestJournal(site.folder)).slice(cutAt).map(nameOf)
  await startCutDeploy(site, { release: 'v4', ...middle }).exited()
  const cuts = await killAfterEach(site, wayBack, { from: cutAt, begin: ['abort'], goOn: ['abort'] })
  expect(cuts).toBeGreaterThanOrEqual(25)
  return cuts
}

interface Verbs {
  /** How much of the journal is from before. */
  readonly from: number
  readonly begin: readonly string[]
  readonly goOn: readonly string[]
}

/** Kills whatever goes on with the roll after each of these entries in turn; resolves to how often. */
async function killAfterEach(site: Rig, names: readonly string[], { from, begin, goOn }: Verbs): Promise<number> {
  let cuts = 0
  for (const name of names) {
    // Where two nodes are at it at once, either may be the first.
    if (cuts > 0 && (await isWritten(site, name, from))) continue
    const exit = await startCut(site, cuts === 0 ? begin : goOn, { after: name, signal: 'SIGKILL' }).exited()
    expect({ after: name, ...exit }).toMatchObject({ after: name, signal: 'SIGKILL' })
    expect(nameOf((await newestJournal(site.folder)).at(-1)!)).toBe(name)
    cuts += 1
  }
  const over = await site.run(...goOn)
  expect(over).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`no deploy to ${goOn[0]}`) })
  return cuts
}

async function isWritten(site: Rig, name: string, from: number): Promise<boolean> {
  // A survey is asked for again each time.
  return name !== 'deploy.surveyed' && (await newestJournal(site.folder)).slice(from).map(nameOf).includes(name)
}

function nameOf(event: BatonEvent): string {
  return 'node' in event ? `${event.type} ${event.node}` : event.type
}
