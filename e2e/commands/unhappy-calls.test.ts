import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processesIn, repository, runCli, tempDir, waitFor } from '@baton/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { slowAnswer } from '../drains/client.ts'
import { parseEvents } from '../events.ts'
import { openRig, type Rig } from '../rig.ts'
import { readTree } from './tree.ts'

/** Two nodes serve here, and go on serving whatever is asked of them. */
let rig: Rig
let first: string
beforeAll(async () => {
  rig = await openRig({
    nodes: 2,
    source: join(repository, 'e2e/drains/app'),
    stopTimeout: '1s',
    health: '{ path: /health, interval: 100ms, timeout: 500ms, rise: 2, fall: 3, deadline: 10s }',
    rollout: '{ bake: 100ms }',
  })
  await edit((text) => text.replace('release: { ', 'release: { keep: 1, '))
  first = (await rig.status()).release ?? ''
}, 90_000)
afterAll(() => rig?.remove(), 60_000)

test.each([
  { line: 'plan --only web-9', exitCode: 2, says: ['no node is called web-9', 'the nodes are web-1, web-2'] },
  { line: 'deploy --only web-1,web-9', exitCode: 2, says: ['no node is called web-9'] },
  { line: 'rollback', exitCode: 1, says: ['no earlier successful release', '`baton history`'] },
  { line: 'rollback r0', exitCode: 2, says: ['no successful deploy of r0 is known', 'known are '] },
  { line: 'resume --only web-1', exitCode: 1, says: ['there is no deploy to resume'] },
])('baton $line: exit $exitCode, and nothing is touched', { timeout: 30_000 }, async ({ line, exitCode, says }) => {
  const before = await stateOfNodes()
  const exit = await rig.run(...line.split(' '))
  expect(exit).toMatchObject({ exitCode, stdout: '' })
  for (const part of says) expect(exit.stderr).toContain(part)
  expect(await stateOfNodes()).toEqual(before)
})

test('a second `baton up` in the same folder says that one runs, and disturbs nothing', {
  timeout: 60_000,
}, async () => {
  const before = [await stateOfNodes(), await processesIn(rig.folder)]
  const second = await rig.run('up')
  expect(second).toMatchObject({ exitCode: 1, stdout: '' })
  expect(second.stderr).toContain('already')
  expect([await stateOfNodes(), await processesIn(rig.folder)]).toEqual(before)
  expect(await askHealth()).toBe(200)
})

test('a `baton up` elsewhere on the same port says so, and leaves nothing running', { timeout: 60_000 }, async () => {
  const dir = await tempDir()
  try {
    await writeFile(join(dir.path, 'baton.yaml'), await readFile(join(rig.folder, 'baton.yaml')))
    const other = await runCli(['up'], { cwd: dir.path })
    expect(other.exitCode).toBe(1)
    expect(other.stderr).toContain(`127.0.0.1:${new URL(rig.url).port} is taken by another process: stop it, or`)
    expect(await processesIn(dir.path)).toEqual([])
  } finally {
    await dir.remove()
  }
  expect(await askHealth()).toBe(200)
})

test('drain stops at the floor unless it is forced; join wants a healthy node unless it is forced', {
  timeout: 90_000,
}, async () => {
  expect(await rig.run('drain', 'web-1')).toMatchObject({ exitCode: 0, stdout: 'web-1 is drained\n', stderr: '' })
  const refused = await rig.run('drain', 'web-2')
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
  expect(refused.stderr).toContain('without web-2 only 0 of 20 healthy weight would stay in, and 10 must')
  expect(refused.stderr).toContain('insist with --force')
  expect(await askHealth()).toBe(200)
  expect(await rig.run('drain', 'web-2', '--force')).toMatchObject({ exitCode: 0, stdout: 'web-2 is drained\n' })
  expect((await rig.status()).nodes).toMatchObject([{ state: 'drained' }, { state: 'drained' }])
  expect(await askHealth()).toBe(503)
  expect(await rig.run('join', 'web-2')).toMatchObject({ exitCode: 0, stdout: 'web-2 is serving\n' })

  const app = (await processesIn(rig.folder)).find(({ cwd }) => cwd.includes('/web-1/'))
  process.kill(app!.pid, 'SIGSTOP')
  const unhealthy = await rig.run('join', 'web-1')
  expect(unhealthy).toMatchObject({ exitCode: 1, stdout: '' })
  expect(unhealthy.stderr).toMatch(/web-1 is not healthy: no answer within 500 ms\n.*--force/)
  expect((await rig.status()).nodes).toMatchObject([{ state: 'drained', healthy: false }, { state: 'serving' }])
  process.kill(app!.pid, 'SIGCONT')
  expect(await rig.run('join', 'web-1')).toMatchObject({ exitCode: 0, stdout: 'web-1 is serving\n', stderr: '' })
})

test('a deploy past --timeout fails, and everything is as it was', { timeout: 60_000 }, async () => {
  const exit = await rig.run('deploy', '--timeout', '1ms')
  expect(exit).toMatchObject({ exitCode: 1, stderr: '' })
  expect(exit.stdout).toContain('the deploy took longer than 0.001 s')
  await serves(first)
})

test('a deploy that is interrupted ends with 130 where it is; no other may begin before it is resumed or aborted', {
  timeout: 60_000,
}, async () => {
  const slow = await slowAnswer(rig.url, { node: 'web-1', nodeUrl: `http://127.0.0.1:${rig.ports[0]}`, ms: 4_000 })
  const deploy = rig.start('deploy', '--release', 'interrupted')
  await deploy.line(/web-1 draining/)
  deploy.signal('SIGINT')
  const interrupted = await deploy.exited()
  expect(interrupted).toMatchObject({ exitCode: 130, stderr: expect.stringContaining('SIGINT: the steps in hand end') })
  expect(interrupted.stdout).toContain('interrupted by SIGINT; `baton resume` goes on')
  expect(await slow.answer).toMatchObject({ status: 200, body: 'slept 4000 ms\n' })
  expect((await rig.run('status')).stdout).toContain(
    '`baton resume` goes on with it, `baton abort` puts everything back',
  )
  expect(await rig.run('deploy')).toMatchObject({ exitCode: 3, stdout: '' })
  expect(await rig.run('drain', 'web-2')).toMatchObject({ exitCode: 3, stdout: '' })
  expect(await rig.run('abort')).toMatchObject({ exitCode: 0, stderr: '' })
  await serves(first)
})

test('a release that was pruned, or damaged since, is nothing to go back to: told before anything is touched', {
  timeout: 120_000,
}, async () => {
  for (const id of ['second', 'third']) expect(await rig.run('deploy', '--release', id)).toMatchObject({ exitCode: 0 })
  const before = await stateOfNodes()
  const pruned = await rig.run('rollback', first)
  expect(pruned).toMatchObject({ exitCode: 1, stdout: '' })
  expect(pruned.stderr).toContain(`cannot go back to ${first}, nothing was touched`)
  expect(pruned.stderr).toContain('web-2: there is no complete release')
  expect(pruned.stderr).toContain('`baton deploy SOURCE`')
  expect(await stateOfNodes()).toEqual(before)

  const file = join(rig.folder, '.baton/nodes/web-2/releases/second/server.js')
  const sound = await readFile(file)
  await writeFile(file, 'not what was staged')
  const damaged = await rig.run('rollback')
  expect(damaged).toMatchObject({ exitCode: 1, stdout: '' })
  expect(damaged.stderr).toMatch(/web-2: release second in \S+ is damaged: server.js is not as staged/)
  await serves('third')

  await writeFile(file, sound)
  expect(await rig.run('rollback')).toMatchObject({ exitCode: 0, stderr: '' })
  await serves('second')
})

test('with --json standard output holds JSON and nothing else, whatever comes of it', {
  timeout: 120_000,
}, async () => {
  const newest = parseEvents((await rig.run('history', '--json')).stdout)[0]!
  const lines = [
    ['status', 0],
    ['plan', 0],
    ['history', 0],
    [`report ${newest.deploy}`, 0],
    ['check', 0],
    ['deploy --release fourth', 0],
    ['rollback', 0],
    ['drain web-1', 0],
    ['drain web-2', 1],
    ['join web-1', 0],
    ['abort', 1],
    ['report nothing', 2],
    ['deploy --only web-9', 2],
  ] as const
  for (const [line, exitCode] of lines) {
    const exit = await rig.run(...line.split(' '), '--json')
    expect([line, exit.exitCode, exit.stderr]).toEqual([line, exitCode, exitCode === 0 ? '' : expect.any(String)])
    if (exitCode > 0) expect([line, exit.stdout]).toEqual([line, ''])
    else expect(parseEvents(exit.stdout).length).toBeGreaterThan(0)
  }
  const events = parseEvents((await rig.run('deploy', '--json')).stdout)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  expect(events.at(-1)).toMatchObject({ type: 'deploy.finished', outcome: 'succeeded' })
})

async function serves(release: string): Promise<void> {
  const node = { state: 'serving', healthy: true, release }
  expect((await rig.status()).nodes).toMatchObject([node, node])
}

/** What nodes run from, and what was written down; not what goes on while they serve. */
async function stateOfNodes() {
  const tree = await readTree(join(rig.folder, '.baton'))
  return [
    Object.entries(tree).filter(([path]) => /\/(releases|current|deploys|supervisor\.json|balancer\.json)/.test(path)),
    await rig.status(),
  ]
}

async function edit(change: (text: string) => string): Promise<void> {
  const file = join(rig.folder, 'baton.yaml')
  await writeFile(file, change(await readFile(file, 'utf8')))
}

async function askHealth(): Promise<number> {
  return waitFor(async () => (await fetch(`${rig.url}/health`)).status, { what: 'an answer of the balancer' })
}
