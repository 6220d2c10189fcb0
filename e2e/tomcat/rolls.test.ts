import { waitFor } from '@baton/testkit'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { putBackBrokenWar } from './broken-war.ts'
import { needTomcatBehind, openTomcatRig, shopWar, type TomcatRig } from './rig.ts'
import { isLong, rollShops, rollsOr } from './shop-rolls.ts'

const rolls = rollsOr(2)

let rig: TomcatRig | undefined
beforeEach(needTomcatBehind('nginx'))
afterAll(() => rig?.remove())

/** The first test to ask opens it: where Tomcat is missing, none does. */
async function openSite(): Promise<TomcatRig> {
  rig ??= await openTomcatRig({ nodes: 2 })
  return rig
}

test(
  `${rolls} rolls of a WAR over two Tomcats, classes of session attributes changed each time: nobody notices`,
  {
    timeout: 60_000 + rolls * 60_000,
  },
  async () => rollShops(await openSite(), { rolls }),
)

test('a WAR that Tomcat cannot deploy: everything is put back, and nobody notices', { timeout: 90_000 }, async () =>
  putBackBrokenWar(await openSite()),
)

test.for([
  {
    what: 'the Tomcat that is not being rolled',
    step: 'web-1 baking',
    async kill(site: TomcatRig) {
      const pid = await site.jvm('web-2')
      process.kill(pid, 'SIGKILL')
      await waitFor(async () => (await site.jvm('web-2')) !== pid, { what: 'another Tomcat', timeoutMs: 30_000 })
    },
  },
  {
    what: 'Redis, while a Tomcat starts',
    step: 'web-1 starting',
    async kill(site: TomcatRig) {
      await site.redis.kill()
      // So long that the Tomcat comes up without it.
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      await site.redis.start()
    },
  },
  {
    what: 'nginx',
    step: 'web-1 starting',
    async kill(site: TomcatRig) {
      await site.front.kill()
      await site.front.start()
    },
  },
])(
  'kill -9 of $what in the middle of a roll: nothing acknowledged is lost, nobody is logged out',
  { timeout: 90_000 },
  async ({ what, step, kill }) => {
    const site = await openSite()
    const { release: before } = await site.status()
    const traffic = await site.traffic()
    const release = `after-${before}`.slice(0, 40)
    const deploy = site.start('deploy', shopWar('v2'), '--release', release)
    await deploy.line(new RegExp(step))
    const killedAt = Date.now()
    await kill(site)
    const backAt = Date.now()
    expect(await deploy.exited()).toMatchObject({ exitCode: 0, stderr: '' })
    const verdict = await traffic.stop()
    console.log(`${what}: ${verdict.failed} of ${verdict.requests} failed, for ${backAt - killedAt} ms`)
    // What was under way may fail, and what comes before it is back; the session is there again with the first answer.
    const others = verdict.ledger.filter(
      ({ problem, startedAt }) =>
        problem !== null && (problem !== 'failed' || startedAt < killedAt - 2_000 || startedAt > backAt + 2_000),
    )
    expect(others).toEqual([])
    expect(verdict).toMatchObject({ lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
    expect(await nodesOf(site)).toEqual(allServing(site, release))
  },
)

test.runIf(isLong).for(['resume', 'abort'] as const)(
  'a deploy killed while its Tomcat starts, and then %s: nobody notices',
  { timeout: 120_000 },
  async (verb) => {
    const site = await openSite()
    const { release: before } = await site.status()
    const traffic = await site.traffic()
    const release = `cut-and-${verb}`
    const deploy = site.start('deploy', shopWar(verb === 'resume' ? 'v1' : 'v2'), '--release', release)
    await deploy.line(/web-1 starting/)
    deploy.signal('SIGKILL')
    await deploy.exited()
    expect(await site.run(verb)).toMatchObject({ exitCode: 0, stderr: '' })
    const verdict = await traffic.stop()
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
    expect(await nodesOf(site)).toEqual(allServing(site, verb === 'resume' ? release : before!))
  },
)

// In short mixed.test.ts has a roll behind HAProxy.
test.runIf(isLong).for([2, 3])(
  `behind HAProxy, ${rolls} rolls of a WAR over %i Tomcats, and a WAR that cannot be deployed: nobody notices`,
  { timeout: 120_000 + rolls * 60_000 },
  async (nodes, context) => {
    needTomcatBehind('haproxy')(context)
    const site = await openTomcatRig({ balancer: 'haproxy', nodes })
    onTestFinished(site.remove)
    await rollShops(site, { rolls })
    await putBackBrokenWar(site)
  },
)
