import { readFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import type { BatonEvent } from '@baton/core'
import { type Cli, waitFor } from '@baton/testkit'
import { describe, expect, type TestContext, test } from 'vitest'
import { startCutDeploy } from '../crashes/cut-deploy.ts'
import { newestJournal } from '../crashes/journal.ts'
import { lightSource, openLightRig } from '../crashes/light-rig.ts'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { slowRequestAt } from '../crashes/slow-request.ts'
import type { Rig } from '../rig.ts'

describe('while one deploy runs', () => {
  test('nobody else changes anything: exit 4, and who holds the lock since when', {
    timeout: 120_000,
  }, async (context) => {
    const site = await twoNodes(context)
    const { deploy, hold } = await deployHeldInDrain(site, 'first')
    const before = await newestJournal(site.folder)
    const verbs = [
      ['deploy', lightSource, '--release', 'second'],
      ['resume'],
      ['abort'],
      ['rollback'],
      ['drain', 'web-2'],
      ['join', 'web-1'],
    ]
    for (const verb of verbs) {
      const { exitCode, stdout, stderr } = await site.run(...verb)
      expect({ verb, exitCode, stdout }).toEqual({ verb, exitCode: 4, stdout: '' })
      const holder = `deploy, by ${userInfo().username}@${hostname()}, pid ${deploy.pid} on ${hostname()}`
      expect(stderr).toMatch(`baton: ${holder}, has held the lock for `)
      expect(stderr).toMatch(/has held the lock for \d+ s; its lease ends in \d+ s \(at \d{4}-\d\d-\d\dT[\d:.]+Z\)/)
      expect(stderr).toMatch('wait until it is done')
    }
    expect(await newestJournal(site.folder)).toEqual(before)

    const waiting = site.start('deploy', lightSource, '--release', 'second', '--wait', '60s')
    await waiting.line(/has held the lock for .*; waiting$/)
    hold.cancel()
    expect(await deploy.exited()).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await waiting.exited()).toMatchObject({ exitCode: 0 })
    expect(await nodesOf(site)).toEqual(allServing(site, 'second'))
  })
})

describe('a deploy that was killed', () => {
  test('holds no lock: another one says what is open, and `resume` goes on at once', {
    timeout: 120_000,
  }, async (context) => {
    const site = await twoNodes(context)
    const { deploy, hold } = await deployHeldInDrain(site, 'first')
    deploy.signal('SIGKILL')
    await deploy.exited()
    hold.cancel()

    const other = await site.run('deploy', lightSource, '--release', 'second')
    expect(other).toMatchObject({ exitCode: 3, stdout: '' })
    expect(other.stderr).toMatch(/deploy \S+-first has not come to an end\n {2}`baton resume` .*`baton abort`/)

    const startedAt = Date.now()
    // Nothing on standard error: it did not wait for a lease to run out.
    expect(await site.run('resume')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(beginOfLast(await newestJournal(site.folder)) - startedAt).toBeLessThan(10_000)
    expect(await nodesOf(site)).toEqual(allServing(site, 'first'))
  })
})

describe('a deploy that was stopped (SIGSTOP) and comes back later (SIGCONT)', () => {
  // Right after each of these it would plan, copy files, take a node out of the balancer, end or start a process.
  const moments = [
    'reading journals',
    'node.staging web-2',
    'node.draining web-1',
    'node.stopping web-1',
    'node.starting web-1',
    'node.joining web-1',
  ]

  test.concurrent.for(moments)(
    'after %s: another takes over within 35 s, and it changes nothing more',
    {
      timeout: 240_000,
    },
    async (moment, context) => {
      const site = await twoNodes(context)
      const traffic = await site.traffic({ ratePerSecond: 20 })
      const former = startCutDeploy(site, { release: 'former', after: moment, signal: 'SIGSTOP' })
      await waitFor(() => isStopped(former), { what: `the deploy to be stopped after ${moment}`, timeoutMs: 60_000 })
      const stoppedAt = Date.now()

      const [verb, release] =
        moment === 'reading journals'
          ? [['deploy', lightSource, '--release', 'later'], 'later']
          : [['resume'], 'former']
      const successor = await site.run(...verb, '--wait', '40s')
      expect({ moment, ...successor }).toMatchObject({ exitCode: 0 })
      expect(successor.stderr).toMatch(`pid ${former.pid} on ${hostname()}, has held the lock for`)
      expect(beginOfLast(await newestJournal(site.folder)) - stoppedAt).toBeLessThan(35_000)
      const before = await worldOf(site)
      expect(before.nodes).toEqual(allServing(site, release))

      former.signal('SIGCONT')
      const { exitCode, stderr } = await former.exited()
      expect({ moment, exitCode, stderr }).toMatchObject({ moment, exitCode: 4 })
      expect(stderr).toMatch(/^baton: .*token \d+/m)
      expect(stderr).toMatch(/taken over/)
      expect(stderr).toMatch('baton status')
      expect(await worldOf(site)).toEqual(before)
      expect(await traffic.stop()).toMatchObject({ clean: true, problems: [] })
    },
  )
})

describe('a deploy that is interrupted (SIGINT)', () => {
  test('cuts a wait short, exits 130, and `resume` goes on', { timeout: 120_000 }, async (context) => {
    const site = await twoNodes(context)
    const { deploy, hold } = await deployHeldInDrain(site, 'next')
    deploy.signal('SIGINT')
    const { exitCode, stderr } = await deploy.exited()
    hold.cancel()
    expect(exitCode).toBe(130)
    expect(stderr).toMatch('SIGINT: the steps in hand end, then this stops')
    expect((await newestJournal(site.folder)).at(-1)).toMatchObject({ type: 'deploy.interrupted', signal: 'SIGINT' })
    expect(await site.run('resume')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await nodesOf(site)).toEqual(allServing(site, 'next'))
  })

  test('ends the step in hand first; interrupted twice it leaves at once', { timeout: 120_000 }, async (context) => {
    const site = await twoNodes(context, { STOP_MS: '2000' })
    const patient = site.start('deploy', lightSource, '--release', 'next')
    await patient.line(/web-1 stopping/)
    patient.signal('SIGINT')
    expect(await patient.exited()).toMatchObject({ exitCode: 130 })
    const types = (await newestJournal(site.folder)).map(({ type }) => type)
    expect(types.slice(-3)).toEqual(['node.stopping', 'node.stopped', 'deploy.interrupted'])

    const hasty = site.start('resume')
    await hasty.line(/web-2 stopping/)
    hasty.signal('SIGINT')
    await hasty.line(/once more leaves at once/)
    hasty.signal('SIGINT')
    expect(await hasty.exited()).toMatchObject({ exitCode: 130 })
    expect((await newestJournal(site.folder)).at(-1)).toMatchObject({ type: 'node.stopping', node: 'web-2' })

    expect(await site.run('resume')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await nodesOf(site)).toEqual(allServing(site, 'next'))
  })
})

/** A rig for one test, which may run beside others. */
async function twoNodes({ onTestFinished }: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Rig> {
  const site = await openLightRig({ nodes: 2, env })
  onTestFinished(() => site.remove())
  return site
}

/** A deploy that waits in the drain of web-1 until `hold` is cancelled. */
async function deployHeldInDrain(site: Rig, release: string) {
  const hold = await slowRequestAt({ url: site.url, node: 'web-1', ms: 60_000 })
  const deploy = site.start('deploy', lightSource, '--release', release)
  await deploy.line(/web-1 draining/)
  return { deploy, hold }
}

/** All that a deploy can change. */
async function worldOf(site: Rig) {
  const { nodes, generation } = await site.view()
  const states = nodes.map(({ id, state, weight, healthy }) => ({ id, state, weight, healthy }))
  return { generation, states, nodes: await nodesOf(site), events: await newestJournal(site.folder) }
}

/** When the last run that wrote to this journal began. */
function beginOfLast(events: readonly BatonEvent[]): number {
  return Date.parse(events.findLast(({ type }) => type === 'deploy.resumed' || type === 'deploy.started')!.at)
}

/** proc_pid_stat(5): T is stopped. */
async function isStopped({ pid }: Cli): Promise<boolean> {
  return /\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))
}
