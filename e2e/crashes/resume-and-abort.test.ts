import { afterEach, expect, test } from 'vitest'
import type { Rig } from '../rig.ts'
import { setRollout } from '../rollout.ts'
import { startCutDeploy } from './cut-deploy.ts'
import { newestJournal } from './journal.ts'
import { lightSource, openLightRig } from './light-rig.ts'
import { nodesOf } from './nodes.ts'
import { slowRequestAt } from './slow-request.ts'

let rig: Rig | undefined
afterEach(async () => {
  await rig?.remove()
  rig = undefined
})

test('with nothing open there is nothing to resume or to abort', { timeout: 60_000 }, async () => {
  rig = await openLightRig({ nodes: 2 })
  const before = await newestJournal(rig.folder)
  for (const verb of ['resume', 'abort']) {
    const { exitCode, stdout, stderr } = await rig.run(verb)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toBe(`baton: there is no deploy to ${verb}\n  \`baton history\` shows how the last ones ended\n`)
  }
  expect(await newestJournal(rig.folder)).toEqual(before)
})

test('past --timeout a deploy puts everything back, or halts where that is asked for', {
  timeout: 120_000,
}, async () => {
  rig = await openLightRig({ nodes: 2 })
  const first = await releasesOf(rig)
  const hold = await slowRequestAt({ url: rig.url, node: 'web-1', ms: 60_000 })

  const late = await rig.run('deploy', lightSource, '--release', 'late', '--timeout', '1s')
  expect(late).toMatchObject({ exitCode: 1, stderr: '' })
  expect(late.stdout).toMatch(/the deploy took longer than 1 s\n\s+give it more time with --timeout/)
  expect(late.stdout).toMatch(/rolled-back after/)
  expect(await releasesOf(rig)).toEqual(first)

  await setRollout(rig, '{ batch: 1, minAvailable: 50%, bake: 200ms, onFailure: halt }')
  const halting = rig.start('deploy', lightSource, '--release', 'next', '--timeout', '1s')
  await halting.line(/the deploy took longer than 1 s/)
  hold.cancel()
  const halted = await halting.exited()
  expect(halted).toMatchObject({ exitCode: 3, stderr: '' })
  expect(halted.stdout).toMatch(/halted: the deploy took longer than 1 s; `baton resume` goes on, `baton abort`/)
  // The node that was out came to the end of its way, nobody else was taken out.
  expect(await releasesOf(rig)).toEqual({ 'web-1': 'next', 'web-2': first['web-2'] })
  expect(await rig.run('resume', '--timeout', '60s')).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await releasesOf(rig)).toEqual({ 'web-1': 'next', 'web-2': 'next' })
})

test('--only: a deploy, a resume and an abort leave the other nodes as they are, but none half way', {
  timeout: 120_000,
}, async () => {
  const site = await openLightRig({ nodes: 3 })
  rig = site
  const { 'web-1': first } = await releasesOf(site)
  expect(await site.run('deploy', lightSource, '--release', 'a', '--only', 'web-3')).toMatchObject({ exitCode: 0 })
  expect(await releasesOf(site)).toEqual({ 'web-1': first, 'web-2': first, 'web-3': 'a' })

  // resume
  await cut(site, { release: 'b', after: 'node.stopped web-1' })
  const before = await newestJournal(site.folder)
  for (const verb of ['resume', 'abort']) {
    const halfWay = await site.run(verb, '--only', 'web-2')
    expect(halfWay).toMatchObject({ exitCode: 2, stdout: '' })
    expect(halfWay.stderr).toBe(
      `baton: web-1 would be left half way\n  name web-1 as well: baton ${verb} --only web-2,web-1\n`,
    )
    const unknown = await site.run(verb, '--only', 'web-9')
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' })
    expect(unknown.stderr).toMatch('its nodes are web-1, web-2, web-3')
  }
  expect(await newestJournal(site.folder)).toEqual(before)
  expect(await site.run('resume', '--only', 'web-1,web-3')).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await releasesOf(site)).toEqual({ 'web-1': 'b', 'web-2': first, 'web-3': 'b' })

  // abort: web-1 is through, web-2 half way
  await cut(site, { release: 'c', after: 'node.activated web-2' })
  expect(await site.run('abort', '--only', 'web-2')).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await releasesOf(site)).toEqual({ 'web-1': 'c', 'web-2': first, 'web-3': 'b' })
  expect((await site.run('resume')).stderr).toMatch('no deploy to resume')
})

async function cut(site: Rig, { release, after }: { release: string; after: string }): Promise<void> {
  const { signal } = await startCutDeploy(site, { release, after, signal: 'SIGKILL' }).exited()
  expect(signal).toBe('SIGKILL')
}

/** By node; fails unless all of them serve. */
async function releasesOf(site: Rig): Promise<Record<string, string | null>> {
  const nodes = await nodesOf(site)
  expect(nodes.map(({ state }) => state)).toEqual(nodes.map(() => 'serving'))
  return Object.fromEntries(nodes.map(({ id, release }) => [id, release]))
}
