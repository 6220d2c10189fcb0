import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FrontKind, type TempDir, tempDir } from '@baton/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { needFront } from '../balancer-view.ts'
import { openRig, type Rig } from '../rig.ts'
import { setRollout } from '../rollout.ts'
import { command, type ReleaseFiles, secrets, writeRelease } from './release.ts'
import { createStory, type Story } from './story.ts'

const options = {
  nodes: 2,
  command,
  env: secrets,
  health: '{ path: /health, interval: 100ms, timeout: 2s, rise: 2, fall: 3, deadline: 6s }',
  rollout: '{ batch: 1, minAvailable: 50%, drainTimeout: 30s, bake: 5s }',
}
let dir: TempDir
let rig: Rig
let story: Story
let old: string

beforeAll(async () => {
  dir = await tempDir()
  const source = await writeRelease(dir.path, 'good', { start: 'node server.js', shop: 'v1' })
  rig = await openRig({ ...options, source })
  story = createStory(rig)
  old = (await rig.status()).release ?? ''
}, 120_000)
afterAll(async () => {
  await rig?.remove()
  await dir?.remove()
}, 60_000)

interface Broken extends ReleaseFiles {
  readonly name: string
  /** What the operator reads: the step that failed, why, and the app's last words. */
  readonly reason: RegExp
  readonly log: RegExp | null
}

const fault = (name: string) => ({ name, start: `node server.js '${name}'` })
const broken: readonly Broken[] = [
  {
    ...fault('exits at start'),
    reason: /^web-1 failed to check: the app on web-1 ended by itself \(exit code 7\)$/,
    log: /^ +\| no licence found$/m,
  },
  {
    ...fault('listens too late'),
    reason: /^web-1 failed to check: web-1 was not healthy within 6 s: connection refused$/,
    log: /^ +\| warming up$/m,
  },
  {
    ...fault('answers 500'),
    reason: /^web-1 failed to check: web-1 was not healthy within 6 s: GET \/health answered 500$/,
    log: /^ +\| no database$/m,
  },
  {
    ...fault('is another release'),
    reason: /^web-1 failed to check: web-1 runs release yesterday, not is-another-release$/,
    log: /^ +\| built from yesterday$/m,
  },
  {
    name: 'lacks its script',
    start: 'node missing.js',
    reason: /^web-1 failed to check: the app on web-1 ended by itself \(exit code 1\)$/,
    log: /^ +\| Error: Cannot find module '.*missing\.js'$/m,
  },
  {
    name: 'lacks its command',
    start: null,
    reason: /^web-1 failed to start: command not found: \.\/start \(looked in .*\)$/,
    log: null,
  },
  {
    name: 'crashes in the bake',
    shop: 'v2',
    start: 'node --import ./crash.js server.js',
    reason: /^web-1 failed to bake: the app on web-1 ended by itself \(exit code 1\)$/,
    log: /^ +\| a crash, with the token \[redacted\]$/m,
  },
]

describe('a release that', () => {
  test.each(broken)(
    '$name is rolled back unnoticed, and the operator reads why',
    { timeout: 90_000 },
    async (release) => {
      const id = release.name.replaceAll(' ', '-')
      const source = await writeRelease(dir.path, id, release)
      const exit = await story.unnoticed(() => rig.run('deploy', source, '--release', id))

      expect(exit).toMatchObject({ exitCode: 1, stderr: '' })
      if (release.log !== null) expect(exit.stdout).toMatch(release.log)
      if (release.start?.includes("'")) {
        expect(exit.stdout).toContain('| token [redacted], mirror redis://:[redacted]@127.0.0.1:6399/1, key')
      }
      const summary = await story.newest()
      expect(summary).toMatchObject({
        release: id,
        outcome: 'rolled-back',
        reason: expect.stringMatching(release.reason),
      })
      expect(exit.stdout).toContain(summary.reason)
      await story.serves(old)
      await story.keepsSecrets(exit)
    },
  )

  test('is healthy and then falls ill in the bake is rolled back unnoticed', { timeout: 90_000 }, async () => {
    const source = await writeRelease(dir.path, 'ill', { shop: 'v2', start: 'node server.js' })
    await fallIll(source)
    const exit = await story.unnoticed(() => rig.run('deploy', source, '--release', 'ill'))
    expect(exit).toMatchObject({ exitCode: 1, stderr: '' })
    expect(exit.stdout).toContain('web-1 was healthy and no longer is: GET /health answered 500')
    expect(await story.newest()).toMatchObject({ outcome: 'rolled-back' })
    await story.serves(old)
  })
})

test('history and report tell of all that without a secret', { timeout: 60_000 }, async () => {
  const { deploy } = await story.newest()
  const report = await rig.run('report', deploy)
  expect(report.stdout).toContain('rolling back: web-1 failed to')
  await story.keepsSecrets(report, await rig.run('report', deploy, '--json'), await rig.run('history'))
})

describe.each<FrontKind>(['nginx', 'haproxy'])('behind %s', (balancer) => {
  let site: Rig | undefined
  beforeEach(async (context) => {
    needFront(balancer, context)
    site ??= await openRig({ ...options, balancer, source: join(dir.path, 'good') })
  }, 60_000)
  afterAll(() => site?.remove(), 60_000)

  test.each(broken.filter(({ name }) => ['exits at start', 'crashes in the bake'].includes(name)))(
    'a release that $name is rolled back unnoticed',
    { timeout: 60_000 },
    async (release) => {
      const id = release.name.replaceAll(' ', '-')
      const source = await writeRelease(dir.path, `${id}-behind-${balancer}`, release)
      const there = createStory(site!)
      const { release: before } = await site!.status()
      const exit = await there.unnoticed(() => site!.run('deploy', source, '--release', id))
      expect(exit).toMatchObject({ exitCode: 1, stderr: '' })
      const reason = expect.stringMatching(release.reason)
      expect(await there.newest()).toMatchObject({ release: id, outcome: 'rolled-back', reason })
      await there.serves(before ?? '')
    },
  )
})

test('onFailure: halt stops where it is; resume tries again, abort puts everything back', {
  timeout: 120_000,
}, async () => {
  await setRollout(rig, '{ batch: 1, minAvailable: 50%, bake: 200ms, onFailure: halt }')
  const source = await writeRelease(dir.path, 'halted', fault('exits at start'))
  await story.unnoticed(async () => {
    const halted = await rig.run('deploy', source, '--release', 'halted')
    expect(halted).toMatchObject({ exitCode: 3, stderr: '' })
    expect(halted.stdout).toContain('| no licence found')
    expect(halted.stdout).toContain('`baton resume` goes on, `baton abort` puts everything back')
    const status = await rig.status()
    expect(status.nodes).toMatchObject([{ healthy: false }, { state: 'serving', healthy: true, release: old }])
    expect(await story.newest()).toMatchObject({ outcome: 'halted', reason: expect.stringContaining('web-1 failed') })

    const another = await rig.run('deploy', source, '--release', 'another')
    expect(another).toMatchObject({ exitCode: 3, stdout: '' })
    expect(another.stderr).toContain('`baton resume` goes on with it')

    const resumed = await rig.run('resume')
    expect(resumed).toMatchObject({ exitCode: 3, stderr: '' })
    expect(resumed.stdout).toContain('web-1 failed to check: the app on web-1 ended by itself (exit code 7)')

    const aborted = await rig.run('abort')
    expect(aborted).toMatchObject({ exitCode: 0, stderr: '' })
    await story.keepsSecrets(aborted)
  })
  expect(await story.newest()).toMatchObject({ release: 'halted', outcome: 'aborted' })
  await story.serves(old)
})

/** Of examples/shop: after some checks it says that it is not well, and serves on. */
async function fallIll(folder: string): Promise<void> {
  const file = join(folder, 'app.js')
  const text = await readFile(file, 'utf8')
  const well = "res.type('text').send('ok\\n')"
  expect(text).toContain(well)
  await writeFile(file, `let checks = 0\n${text.replace(well, `if (++checks > 10) res.status(500)\n    ${well}`)}`)
}
