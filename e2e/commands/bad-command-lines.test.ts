import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { freePorts, processesIn, runCli, type TempDir, tempDir } from '@baton/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readTree } from './tree.ts'

/** Nothing runs here: what must be told, and with which exit code, before anything is touched. */
let dir: TempDir
beforeAll(async () => {
  dir = await tempDir()
  await mkdir(join(dir.path, 'app'))
  await writeFile(join(dir.path, 'app/server.js'), '')
  await writeFile(join(dir.path, 'notes.txt'), 'no archive')
  await mkdir(join(dir.path, 'empty'))
  await writeFile(join(dir.path, 'baton.yaml'), await configuration({ source: 'release: { source: app }\n' }))
  await writeFile(join(dir.path, 'sourceless.yaml'), await configuration({ source: '' }))
  await writeFile(join(dir.path, 'broken.yaml'), broken)
  await writeFile(join(dir.path, 'no.yaml'), 'name: shop\n  nodes: [}\n')
})
afterAll(() => dir?.remove())

const broken = `name: Shop
nodes:
  web-1: { address: 127.0.0.1:3001, wieght: 5 }
  web-2: { address: 127.0.0.1:3001 }
app: { command: node server.js }
rollout: { drainTimeout: soon }
`

interface Row {
  readonly line: string
  readonly exitCode: number
  /** Parts of what stands on standard error. */
  readonly says: readonly string[]
}

const noConfig: Row[] = ['check', 'up', 'plan', 'deploy', 'status', 'drain web-1', 'join web-1', 'rollback']
  .concat('resume', 'abort', 'history', 'report x')
  .map((verb) => ({
    line: `${verb} --config other.yaml`,
    exitCode: 2,
    says: ['there is no other.yaml here', '`baton init`', '--config FILE'],
  }))

const rows: Row[] = [
  { line: '', exitCode: 2, says: ['Usage: baton', 'deploy'] },
  { line: 'deplyo', exitCode: 2, says: ["unknown command 'deplyo'", 'Did you mean deploy?', 'baton --help'] },
  { line: 'deploy --forse', exitCode: 2, says: ["unknown option '--forse'", '--help'] },
  { line: 'deploy --releas r1', exitCode: 2, says: ['Did you mean --release?'] },
  { line: '--json', exitCode: 2, says: ["unknown option '--json'"] },
  { line: 'deploy app more', exitCode: 2, says: ['too many arguments', 'Expected 1 argument but got 2'] },
  { line: 'drain', exitCode: 2, says: ["missing required argument 'node'"] },
  { line: 'report', exitCode: 2, says: ["missing required argument 'deploy'"] },
  { line: 'deploy --release', exitCode: 2, says: ["'--release <id>' argument missing"] },
  { line: 'deploy --timeout 5', exitCode: 2, says: ['--timeout', 'a duration such as 250ms, 30s, 5m or 1h'] },
  { line: 'deploy --timeout soon', exitCode: 2, says: ["'soon' is invalid", 'a duration such as'] },
  { line: 'resume --wait -1s', exitCode: 2, says: ['--wait', 'a duration such as'] },
  { line: 'deploy --only ,', exitCode: 2, says: ['--only', 'separated by commas, for example web-1,web-2'] },
  { line: 'plan --only web-1,,web-2', exitCode: 2, says: ['--only', 'separated by commas'] },
  ...noConfig,
  { line: 'status --config app', exitCode: 2, says: ['app cannot be read (EISDIR)'] },
  {
    line: 'deploy --config broken.yaml',
    exitCode: 2,
    says: [
      'broken.yaml has 4 problems, nothing was touched',
      'broken.yaml:1:7 name: ',
      'broken.yaml:3:37 nodes.web-1.wieght: unknown key; did you mean weight?',
      'broken.yaml:4:21 nodes.web-2.address: ',
      'broken.yaml:6:26 rollout.drainTimeout: ',
    ],
  },
  { line: 'up --config broken.yaml', exitCode: 2, says: ['broken.yaml has 4 problems'] },
  { line: 'history --config no.yaml', exitCode: 2, says: ['no.yaml has', 'no.yaml:2:'] },
  { line: 'balancer', exitCode: 2, says: ['Usage: baton balancer', 'install'] },
  { line: 'balancer instal', exitCode: 2, says: ["unknown command 'instal'", 'Did you mean install?'] },
  { line: 'balancer config --nginx', exitCode: 2, says: ["unknown option '--nginx'"] },
  { line: 'balancer install', exitCode: 2, says: ['the embedded balancer needs no configuration', '`baton up`'] },
  { line: 'balancer config', exitCode: 2, says: ['the embedded balancer needs no configuration'] },
  { line: 'init', exitCode: 2, says: ['there is a baton.yaml here already', '--force'] },
  { line: 'init --config no.yaml', exitCode: 2, says: ['there is a no.yaml here already', '--force'] },
  { line: 'init --config gone/baton.yaml', exitCode: 1, says: ['gone/baton.yaml cannot be written (ENOENT)'] },
  {
    line: 'deploy --config sourceless.yaml',
    exitCode: 2,
    says: ['nothing to deploy: no SOURCE was named', '`baton deploy ./build`', 'release.source'],
  },
  { line: 'deploy ./build', exitCode: 2, says: ['there is no', '/build to release', 'build the app first'] },
  { line: 'plan ./build', exitCode: 2, says: ['/build to release'] },
  { line: 'deploy notes.txt', exitCode: 2, says: ['notes.txt is no kind of archive', '.zip, .tar.gz'] },
  { line: 'deploy empty', exitCode: 1, says: ['empty is empty: there is nothing to release'] },
  { line: 'deploy --release ../r1', exitCode: 2, says: ['"../r1" cannot be a release\'s id', '1 to 64 letters'] },
  { line: 'drain web-9', exitCode: 2, says: ['no node is called web-9', 'the nodes are web-1, web-2'] },
  { line: 'join web-9', exitCode: 2, says: ['no node is called web-9', 'the nodes are web-1, web-2'] },
  { line: 'report 20260101', exitCode: 2, says: ['there is no deploy 20260101', '`baton history` lists them'] },
  { line: 'rollback r0', exitCode: 2, says: ['no successful deploy of r0 is known', 'nothing was deployed yet'] },
  { line: 'resume', exitCode: 1, says: ['there is no deploy to resume', '`baton history`'] },
  { line: 'abort', exitCode: 1, says: ['there is no deploy to abort', '`baton history`'] },
]

test.each(rows)('baton $line: exit $exitCode', async ({ line, exitCode, says }) => {
  const before = await readTree(dir.path)
  const exit = await runCli(line === '' ? [] : line.split(' '), { cwd: dir.path })
  expect(exit).toMatchObject({ exitCode, stdout: '' })
  for (const part of says) expect(exit.stderr).toContain(part)
  expect(exit.stderr).not.toMatch(/^ +at /m)
  expect(await readTree(dir.path)).toEqual(before)
})

test.concurrent.each(['deploy', 'plan', 'drain web-1', 'join web-1 --force', 'rollback'])(
  'baton %s where no `baton up` runs: exit 1 within seconds, and what to run',
  { timeout: 60_000 },
  async (line) => {
    // Each has a folder of its own: they hold its lock while they wait for the balancer.
    const site = await tempDir()
    try {
      await writeFile(join(site.path, 'server.js'), '')
      await writeFile(join(site.path, 'baton.yaml'), await configuration({ source: 'release: { source: . }' }))
      const before = await readTree(site.path)
      const exit = await runCli(line.split(' '), { cwd: site.path })
      expect(exit).toMatchObject({ exitCode: 1, stdout: '' })
      expect(exit.stderr).toContain('run baton up')
      expect(exit.durationMs).toBeLessThan(20_000)
      expect(await readTree(site.path)).toEqual(before)
    } finally {
      await site.remove()
    }
  },
)

test('init writes the file that --config names, and what it writes is sound', async () => {
  const dir = await tempDir()
  try {
    await writeFile(join(dir.path, 'server.js'), '')
    const written = await runCli(['init', '--config', 'site.yaml'], { cwd: dir.path })
    expect(written).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`wrote ${dir.path}/site.yaml`) })
    expect(await runCli(['history', '--config', 'site.yaml'], { cwd: dir.path })).toMatchObject({
      exitCode: 0,
      stderr: '',
    })
  } finally {
    await dir.remove()
  }
})

test('status and history where nothing runs and nothing was deployed say so', { timeout: 60_000 }, async () => {
  const status = await runCli(['status'], { cwd: dir.path })
  expect(status.exitCode).toBe(0)
  expect(status.stdout).toMatch(/^ *web-1 .* unknown .* \? +-$/m)
  expect(status.stderr).toContain('the balancer cannot be asked')
  expect(await runCli(['history'], { cwd: dir.path })).toMatchObject({
    exitCode: 0,
    stdout: 'nothing was deployed yet\n',
  })
})

test.each([
  {
    what: 'the port of the balancer is taken',
    config: { balancerTaken: true },
    says: /is taken by another process: stop it, or/,
  },
  {
    what: 'the port of a node is taken',
    config: { nodeTaken: true },
    says: /EADDRINUSE[\s\S]*could not be started on web-1, web-2/,
  },
  {
    what: 'the command is missing',
    config: { command: './serve' },
    says: /command not found: \.\/serve[\s\S]*could not be started/,
  },
  {
    what: 'the source is missing',
    config: { source: 'release: { source: build }' },
    says: /there is no \S+\/build to release/,
  },
])(
  'baton up where $what: it says so, ends, and leaves nothing running',
  { timeout: 60_000 },
  async ({ config, says }) => {
    const site = await tempDir()
    try {
      await mkdir(join(site.path, 'app'))
      await writeFile(join(site.path, 'app/server.js'), listening)
      await writeFile(
        join(site.path, 'baton.yaml'),
        await configuration({ source: 'release: { source: app }', ...config }),
      )
      const exit = await runCli(['up'], { cwd: site.path })
      expect(exit.exitCode).toBe('source' in config ? 2 : 1)
      expect(exit.stdout + exit.stderr).toMatch(says)
      expect(await processesIn(site.path)).toEqual([])
    } finally {
      await site.remove()
    }
  },
)

const listening = `import { createServer } from 'node:http'\ncreateServer((req, res) => res.end()).listen(process.env.PORT, process.env.HOST)\n`

async function configuration(options: {
  readonly source: string
  readonly command?: string
  readonly balancerTaken?: boolean
  readonly nodeTaken?: boolean
}): Promise<string> {
  const [balancer = 0, first = 0, second = 0] = await freePorts(3)
  const taken = await takePort()
  return `name: shop
${options.source}
balancer: { listen: 127.0.0.1:${options.balancerTaken ? taken : balancer} }
app: { command: ${options.command ?? 'node server.js'} }
nodes:
  web-1: { address: 127.0.0.1:${options.nodeTaken ? taken : first} }
  web-2: { address: 127.0.0.1:${second} }
health: { interval: 100ms, rise: 2, deadline: 5s }
`
}

/** A port that is listened on until this process ends. */
function takePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().unref()
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}
