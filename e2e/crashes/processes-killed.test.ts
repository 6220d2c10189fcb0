import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Verdict, waitFor } from '@baton/testkit'
import { afterEach, expect, test } from 'vitest'
import type { Rig } from '../rig.ts'
import { watchBalancer } from './balancer-watch.ts'
import { newestJournal } from './journal.ts'
import { startKnocking } from './knocker.ts'
import { lightSource, openLightRig } from './light-rig.ts'
import { allServing, appPid, balancerPid, nodesOf } from './nodes.ts'
import { slowRequestAt } from './slow-request.ts'

let rig: Rig | undefined
afterEach(async () => {
  await rig?.remove()
  rig = undefined
})

test('the balancer, in mid-drain: it comes back at once, without the node that was out, and the roll goes on', {
  timeout: 120_000,
}, async () => {
  rig = await openLightRig({ nodes: 2 })
  const traffic = await rig.traffic()
  const knocker = startKnocking(`${rig.url}/health`)
  const slow = await slowRequestAt({ url: rig.url, node: 'web-1', ms: 20_000 })
  const servedAt: number[] = []
  const watch = watchBalancer(rig, ({ nodes }) => {
    if (nodes.some(({ id, state }) => id === 'web-1' && state === 'serving')) servedAt.push(Date.now())
  })

  const deploy = rig.start('deploy', lightSource, '--release', 'v2')
  await waitFor(() => stateOf(rig!, 'web-1', 'draining'), { what: 'web-1 to drain' })
  const killedAt = Date.now()
  process.kill(balancerPid(rig.up), 'SIGKILL')

  expect(await slow.ended).toBeInstanceOf(Error)
  expect(await deploy.exited()).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await nodesOf(rig)).toEqual(allServing(rig, 'v2'))
  const watched = await watch.stop()
  const joining = (await newestJournal(rig.folder)).find(({ type }) => type === 'node.joining')
  const backAt = Date.parse(joining!.at)
  expect(backAt - killedAt).toBeGreaterThan(100)
  expect(servedAt.filter((at) => at > killedAt && at < backAt)).toEqual([])
  expect(watched.lowestWeight).toBeGreaterThanOrEqual(10)

  const [knocked, verdict] = [await knocker.stop(), await traffic.stop()]
  report(
    `balancer killed; away for ${watched.longestGapMs} ms; new connections waited ${knocked.longestMs} ms`,
    verdict,
  )
  expectFailedOnly(verdict, { openAt: killedAt, error: /ECONNRESET|socket hang up|aborted|EPIPE/ })
  expect(knocked.failures.filter(({ at }) => at > killedAt)).toEqual([])
  expect(knocked.answered).toBeGreaterThan(50)
})

test('a node that is not being rolled: the roll waits at the floor until the supervisor has brought it back', {
  timeout: 120_000,
}, async () => {
  const site = await openLightRig({ nodes: 3 })
  rig = site
  const traffic = await site.traffic()
  const deploy = site.start('deploy', lightSource, '--release', 'v2')
  await deploy.line(/web-1 stopping/)
  const killedAt = await breakDown(site, 'web-3')
  await deploy.line(/healthy weight is 20 of 30, and 15 must stay in: waiting/)
  await repair(site, 'web-3')

  expect(await deploy.exited()).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await nodesOf(site)).toEqual(allServing(site, 'v2'))
  const events = (await newestJournal(site.folder)).map((event) =>
    'node' in event ? `${event.type} ${event.node}` : event.type,
  )
  expect(events.indexOf('deploy.waiting')).toBeGreaterThan(events.indexOf('node.joined web-1'))
  expect(events.indexOf('deploy.waiting')).toBeLessThan(events.indexOf('node.draining web-2'))
  const verdict = await traffic.stop()
  report('a node killed, floor 50%', verdict)
  expectFailedOnly(verdict, { openAt: killedAt, error: /status 502/ })
})

test('a node that is not being rolled: above the floor the roll goes on', { timeout: 120_000 }, async () => {
  const site = await openLightRig({ nodes: 3, rollout: '{ batch: 1, minAvailable: 30%, bake: 200ms }' })
  rig = site
  const traffic = await site.traffic()
  const deploy = site.start('deploy', lightSource, '--release', 'v2')
  await deploy.line(/web-1 stopping/)
  const killedAt = await breakDown(site, 'web-3')
  await deploy.line(/web-2 baking/)
  await repair(site, 'web-3')

  expect(await deploy.exited()).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await nodesOf(site)).toEqual(allServing(site, 'v2'))
  const events = await newestJournal(site.folder)
  expect(events.filter(({ type }) => type === 'deploy.waiting')).toEqual([])
  expect(events.filter((event) => event.type === 'deploy.surveyed').map(({ available }) => available)).toContain(20)
  const verdict = await traffic.stop()
  report('a node killed, floor 30%', verdict)
  expectFailedOnly(verdict, { openAt: killedAt, error: /status 502/ })
})

test('`baton up`, at any step of a roll: everything goes on serving, and the next `up` takes it over', {
  timeout: 300_000,
}, async () => {
  const site = await openLightRig({ nodes: 2 })
  rig = site
  const traffic = await site.traffic()
  const watch = watchBalancer(site)
  let up = site.up
  for (const step of ['draining', 'stopping', 'activating', 'starting', 'checking', 'joining', 'baking']) {
    traffic.mark(`up killed at ${step}`)
    const deploy = site.start('deploy', lightSource, '--release', `killed-at-${step}`)
    await deploy.line(new RegExp(`web-1 ${step}`))
    up.signal('SIGKILL')
    await up.exited()
    const [balancer, web2] = [balancerPid(up), await appPid(site, 'web-2')]
    up = site.start('up')
    await up.line(/ready: http/)
    expect({ step, ended: await deploy.exited() }).toMatchObject({ step, ended: { exitCode: 0, stderr: '' } })
    expect(await nodesOf(site)).toEqual(allServing(site, `killed-at-${step}`))
    expect({ step, balancer: balancerPid(up) }).toEqual({ step, balancer })
    expect(up.stdout()).toContain(`web-2: goes on with pid ${web2}`)
  }
  const watched = await watch.stop()
  const verdict = await traffic.stop()
  report('up killed', verdict)
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ clean: true, failed: 0, lost: 0, doubled: 0 })
  expect(watched.lowestWeight).toBeGreaterThanOrEqual(10)
})

test('`baton up`, for longer than a deploy waits: it says what to do, and puts everything back once it can', {
  timeout: 120_000,
}, async () => {
  const site = await openLightRig({ nodes: 2 })
  rig = site
  const traffic = await site.traffic()
  const { release: first } = (await nodesOf(site))[0]!
  const deploy = site.start('deploy', lightSource, '--release', 'v2')
  await deploy.line(/web-1 checking/)
  site.up.signal('SIGKILL')
  await deploy.line(/web-1 failed to check: no supervisor answers on \S+/, 40_000)
  await deploy.line(/^ +run baton up$/)
  await deploy.line(/web-1 stopping/)
  expect(await nodesOf(site)).toContainEqual({ id: 'web-2', state: 'serving', release: first })

  await site.start('up').line(/ready: http/)
  expect(await deploy.exited()).toMatchObject({ exitCode: 1, stderr: '' })
  expect(deploy.stdout()).toMatch(/rolled-back after/)
  expect(await nodesOf(site)).toEqual(allServing(site, first!))
  const verdict = await traffic.stop()
  report('up away for long', verdict)
  expect(verdict).toMatchObject({ clean: true, problems: [] })
})

test('`baton up` and the deploy together: the next `up` takes over, and `resume` ends the roll', {
  timeout: 120_000,
}, async () => {
  const site = await openLightRig({ nodes: 2 })
  rig = site
  const traffic = await site.traffic()
  const deploy = site.start('deploy', lightSource, '--release', 'v2')
  await deploy.line(/web-1 checking/)
  site.up.signal('SIGKILL')
  deploy.signal('SIGKILL')
  await Promise.all([site.up.exited(), deploy.exited()])
  const pids = [await appPid(site, 'web-1'), await appPid(site, 'web-2')]
  const up = site.start('up')
  await up.line(/ready: http/)
  expect([await appPid(site, 'web-1'), await appPid(site, 'web-2')]).toEqual(pids)
  expect(balancerPid(up)).toBe(balancerPid(site.up))

  expect(await site.run('resume')).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await nodesOf(site)).toEqual(allServing(site, 'v2'))
  const verdict = await traffic.stop()
  report('up and deploy killed', verdict)
  expect(verdict.problems).toEqual([])
  expect(verdict.clean).toBe(true)
})

async function stateOf(site: Rig, node: string, state: string): Promise<boolean> {
  return (await site.view()).nodes.some((each) => each.id === node && each.state === state)
}

/** Kills the node's app, and whatever the supervisor starts in its place. */
async function breakDown(site: Rig, node: string): Promise<number> {
  await writeFile(brokenFile(site, node), '')
  const pid = await appPid(site, node)
  const killedAt = Date.now()
  process.kill(pid, 'SIGKILL')
  await waitFor(() => stateOf(site, node, 'down'), { what: `${node} to be seen down` })
  return killedAt
}

function repair(site: Rig, node: string): Promise<void> {
  return rm(brokenFile(site, node))
}

function brokenFile(site: Rig, node: string): string {
  return join(site.folder, '.baton', 'nodes', node, 'shared', 'broken')
}

/** Requests that were open at the kill may fail, in one way; nothing else may, and nothing may be lost or doubled. */
function expectFailedOnly(verdict: Verdict, { openAt, error }: { openAt: number; error: RegExp }): void {
  const others = verdict.ledger.filter(
    (entry) =>
      entry.problem !== null &&
      (entry.startedAt > openAt + 250 || entry.problem !== 'failed' || !error.test(entry.error ?? '')),
  )
  expect(others).toEqual([])
  expect(verdict.failed).toBeLessThanOrEqual(32)
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
}

function report(title: string, { requests, failed, ledger }: Verdict): void {
  const errors = ledger.flatMap(({ problem, error }) => (problem === null ? [] : [error?.slice(0, 80)]))
  console.log(`${title}: ${requests} requests, ${failed} failed`, [...new Set(errors)])
}
