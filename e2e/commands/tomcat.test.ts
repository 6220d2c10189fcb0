import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository, runCli, type TempDir, tempDir, waitFor } from '@baton/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const home = '/usr/share/tomcat10'

let temp: TempDir
beforeEach(async () => {
  temp = await tempDir()
  await cp(join(home, 'etc'), join(temp.path, 'base/conf'), { recursive: true })
  await mkdir(join(temp.path, 'base/lib'))
})
afterEach(async () => {
  await temp.remove()
})

const context = () => readFile(join(temp.path, 'base/conf/context.xml'), 'utf8')
const install = ['tomcat', 'install', 'base', '--home', home]
const store = ['--store', 'redis://:banana@localhost']

describe('baton tomcat install', () => {
  test('shows the change and makes none where nobody can be asked, and makes it with --yes; uninstall takes it back', async () => {
    const before = await context()
    const refused = await runCli([...install, ...store], { cwd: temp.path })
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') })
    expect(refused.stdout).toContain(
      '+    <Manager className="baton.tomcat.SessionManager" store="redis://:[redacted]@localhost" />',
    )
    expect(refused.stdout + refused.stderr).not.toContain('banana')
    const looked = await runCli([...install, ...store, '--dry-run', '--json'], { cwd: temp.path })
    expect(JSON.parse(looked.stdout)).toMatchObject({
      outcome: 'planned',
      added: [expect.stringContaining('/base/lib/')],
    })
    expect(await context()).toBe(before)

    const done = await runCli([...install, ...store, '--yes'], { cwd: temp.path })
    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('when this Tomcat is started anew') })
    expect(await context()).toContain('store="redis://:banana@localhost"')
    expect(await readdir(join(temp.path, 'base/lib'))).toEqual([expect.stringMatching(/^tomcat-session-.*\d\.jar$/)])

    const undone = await runCli(['tomcat', 'uninstall', 'base', '--yes', '--json'], { cwd: temp.path })
    expect(undone.stdout).not.toContain('banana')
    expect(JSON.parse(undone.stdout)).toMatchObject({ outcome: 'uninstalled' })
    expect(await context()).toBe(before)
  })

  test('takes store and namespace from baton.yaml', async () => {
    const yaml = (sessions: string) =>
      `name: shop\napp: { command: node server.js }\nnodes: { web-1: { address: 127.0.0.1:3001 }, web-2: { address: 127.0.0.1:3002 } }\nsessions: ${sessions}\n`
    await writeFile(join(temp.path, 'baton.yaml'), yaml('{ store: embedded }'))
    const refused = await runCli([...install, '--yes'], { cwd: temp.path })
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--store') })
    await writeFile(join(temp.path, 'baton.yaml'), yaml('{ store: redis://localhost/3, namespace: shop }'))
    expect(await runCli([...install, '--yes'], { cwd: temp.path })).toMatchObject({ exitCode: 0 })
    expect(await context()).toContain('store="redis://localhost/3" namespace="shop"')
  })

  test.each([
    ['y', 0, true],
    ['n', 1, false],
  ])('asks on a terminal, and %s means what it says', async (answer, exitCode, isChanged) => {
    const line = ['node', join(repository, 'packages/cli/bin/baton.js'), ...install, ...store].join(' ')
    const script = spawn('script', ['-qec', line, '/dev/null'], {
      cwd: temp.path,
      env: { ...process.env, TERM: 'xterm' },
    })
    const closed = once(script, 'close')
    let shown = ''
    script.stdout.on('data', (chunk: Buffer) => {
      shown += chunk
    })
    await waitFor(() => shown.includes('Make this change? [y/N]'), { what: 'the question', timeoutMs: 20_000 })
    script.stdin.write(`${answer}\n`)
    expect(await closed).toEqual([exitCode, null])
    expect((await context()).includes('baton: begin')).toBe(isChanged)
  })
})
