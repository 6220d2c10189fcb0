import { type Traffic, verdictLines } from '@baton/testkit'
import { expect, onTestFinished } from 'vitest'
import { watchBalancer } from './balancer-watch.ts'
import { startCutDeploy } from './cut-deploy.ts'
import { newestJournal } from './journal.ts'
import { lightSource, openLightRig } from './light-rig.ts'
import { allServing, nodesOf } from './nodes.ts'

const twoNodes = { nodes: 2, weight: 20, floor: 10 }
/** Of all the time that this takes, most is the starting of processes. */
const ratePerSecond = 100

/**
 * Each entry of the journal is met, by one verb or the other: resume takes those with odd numbers, abort those with even
 * ones. BATON_KILLS=all has both verbs take all of them, as before a release.
 */
function isTaken(verb: 'resume' | 'abort', entry: number): boolean {
  return process.env.BATON_KILLS === 'all' || entry % 2 === (verb === 'resume' ? 1 : 0)
}

/** Rolls two nodes once for every entry of such a journal that is the verb's; fails where anybody could have noticed. */
export async function killAfterEveryEntry(verb: 'resume' | 'abort'): Promise<void> {
  const site = await openLightRig({ nodes: twoNodes.nodes })
  onTestFinished(site.remove)
  const traffic = await site.traffic({ ratePerSecond })
  const watch = watchBalancer(site)
  const startedAt = performance.now()

  const whole = await site.run('deploy', lightSource, '--release', 'whole')
  expect(whole).toMatchObject({ exitCode: 0, stderr: '' })
  const entries = (await newestJournal(site.folder)).map((event) => event.type)
  expect(entries.length).toBeGreaterThanOrEqual(40)
  let serving = 'whole'
  for (const [index, type] of entries.entries()) {
    const entry = index + 1
    if (!isTaken(verb, entry)) continue
    const release = `${verb}-${entry}`
    traffic.mark(`${verb} after ${entry} ${type}`)
    const killed = await startCutDeploy(site, { release, after: entry, signal: 'SIGKILL' }).exited()
    expect({ entry, type, signal: killed.signal }).toEqual({ entry, type, signal: 'SIGKILL' })
    expect(await newestJournal(site.folder)).toHaveLength(entry)

    const ended = await site.run(verb)
    const wasOver = type === 'deploy.finished'
    expect({ entry, type, ...ended }).toMatchObject(
      wasOver ? { exitCode: 1, stderr: expect.stringContaining(`no deploy to ${verb}`) } : { exitCode: 0, stderr: '' },
    )
    if (verb === 'resume' || wasOver) serving = release
    expect({ entry, type, nodes: await nodesOf(site) }).toEqual({ entry, type, nodes: allServing(site, serving) })
  }

  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  const watched = await watch.stop()
  console.log(`${entries.length} entries, deploys killed after them, then ${verb}: ${seconds} s`, watched)
  expect(watched.lowestWeight).toBeGreaterThanOrEqual(twoNodes.floor)
  expect(watched.samples).toBeGreaterThan(500)
  await expectNobodyNoticed(traffic)
}

async function expectNobodyNoticed(traffic: Traffic): Promise<void> {
  const verdict = await traffic.stop()
  console.log(verdictLines(verdict).slice(0, 7).join('\n'))
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
  expect(verdict.ratePerSecond).toBeGreaterThan(0.9 * ratePerSecond)
}
