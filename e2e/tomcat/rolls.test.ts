import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TempDir, tempDir, waitFor } from '@baton/testkit'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { openBrowser } from './browser.ts'
import { needTomcat, openTomcatRig, shopWar, type TomcatRig } from './rig.ts'

/**
 * Longer than a Tomcat that stops waits for its requests, all of a deploy before the first drain included: it is the drain that
 * waits. Nobody may send a POST again.
 */
const lingerMs = 4_000

/** 20 before a release. */
const rolls = Number(process.env.BATON_TOMCAT_ROLLS ?? 2)

let rig: TomcatRig | undefined
beforeEach(needTomcat)
afterAll(() => rig?.remove())

/** The first test to ask opens it: where Tomcat is missing, none does. */
async function openSite(): Promise<TomcatRig> {
  rig ??= await openTomcatRig({ nodes: 2 })
  return rig
}

test(`${rolls} rolls of a WAR over two Tomcats, classes of session attributes changed each time: nobody notices`, {
  timeout: 60_000 + rolls * 60_000,
}, async () => {
  const site = await openSite()
  const browser = openBrowser(site.url)
  await browser.login('ann')
  expect(await browser.me()).toMatchObject({ user: 'ann', taste: 'tea', trail: 'the street', unavailable: [] })
  const traffic = await site.traffic()
  for (let roll = 1; roll <= rolls; roll += 1) {
    const release = roll % 2 === 1 ? 'v2' : 'v1'
    // Once is enough where there is little time; so many that both nodes have some.
    const lingering = roll === 1 || rolls > 2 ? Array.from({ length: 6 }, () => browser.linger(lingerMs)) : []
    const { exitCode, stderr } = await site.run('deploy', shopWar(release), '--release', `r${roll}`)
    expect({ roll, exitCode, stderr }).toEqual({ roll, exitCode: 0, stderr: '' })
    const lingered = await Promise.all(lingering)
    expect(lingered.filter(({ status }) => status !== 200)).toEqual([])
    if (lingered.length > 0) expect(new Set(lingered.map(({ node }) => node))).toEqual(new Set(site.nodeIds))
    // A class with another serialVersionUID, one that is gone, and one with a field more.
    const attributes =
      release === 'v2'
        ? { unavailable: ['taste', 'trail'], visit: expect.stringMatching(/somewhere$/) }
        : { unavailable: [], taste: 'tea', trail: 'the street' }
    expect(await browser.me()).toMatchObject({ user: 'ann', release: `r${roll}`, ...attributes })
  }
  const verdict = await traffic.stop()
  console.log(
    `${rolls} rolls: ${verdict.requests} requests, ${verdict.ratePerSecond.toFixed(0)}/s, late by ${verdict.worstLateMs.toFixed(0)} ms at worst`,
  )
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0, users: 200 })
  expect(verdict.ratePerSecond).toBeGreaterThan(90)
  expect(await nodesOf(site)).toEqual(allServing(site, `r${rolls}`))
})

test('a WAR that Tomcat cannot deploy: everything is put back, and nobody notices', { timeout: 90_000 }, async () => {
  const site = await openSite()
  const { release } = await site.status()
  const dir = await tempDir()
  onTestFinished(dir.remove)
  const traffic = await site.traffic()
  const { exitCode, stdout, stderr } = await site.run('deploy', await brokenWar(dir), '--release', 'broken')
  const verdict = await traffic.stop()
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
  expect(stdout).toContain('shop.Missing')
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
  expect(await nodesOf(site)).toEqual(allServing(site, release!))
})

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

test.runIf(rolls > 2).for(['resume', 'abort'] as const)(
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

/** Its web.xml names a listener that is not in it. */
async function brokenWar({ path }: TempDir): Promise<string> {
  const war = join(path, 'shop.war')
  await copyFile(shopWar('v2'), war)
  await mkdir(join(path, 'WEB-INF'))
  await writeFile(
    join(path, 'WEB-INF/web.xml'),
    '<web-app><listener><listener-class>shop.Missing</listener-class></listener></web-app>',
  )
  const { status, stderr } = spawnSync('jar', ['--update', '--file', war, '-C', path, 'WEB-INF/web.xml'])
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' })
  return war
}
