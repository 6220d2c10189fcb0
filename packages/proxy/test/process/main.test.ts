import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { adminAt } from '../support/admin.ts'
import { startBackend } from '../support/backend.ts'
import { configIn } from '../support/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { send } from '../support/traffic.ts'
import { until } from '../support/wait.ts'

it('runs by itself, and stops gracefully on SIGTERM', async () => {
  const a = await startBackend('a')
  const config = configIn(await temporaryFolder(), { a })
  const process = await runMain([await write(config)])
  const admin = adminAt(config.admin)
  const { listen } = await until('it serves', () => admin.view().catch(() => undefined))
  const held = send({ port: listen.port, path: '/held' })
  await until('it is in flight', async () => (await admin.node('a')).inflight === 1)
  process.child.kill('SIGTERM')
  await until('it stops', async () => (await admin.view()).phase === 'stopping')
  a.release()
  expect(await held).toBe(200)
  expect(await process.exit).toEqual([0, null])
})

it('says what is wrong with its configuration, and exits 1', async () => {
  const config = configIn(await temporaryFolder(), {})
  const process = await runMain([await write(config)])
  expect(await process.exit).toEqual([1, null])
  expect(process.stderr()).toContain('nodes: must be a list of at least one node')
})

it.each([
  [[], 'usage: node main.js <config.json>'],
  [['/nowhere/proxy.json'], "cannot read the balancer's configuration /nowhere/proxy.json (ENOENT)"],
])('started with %j it says: %s', async (argv, message) => {
  const process = await runMain(argv)
  expect(await process.exit).toEqual([1, null])
  expect(process.stderr()).toContain(message)
})

it('waits for no socket that nobody sends', async () => {
  const process = await runMain([await write(configIn(await temporaryFolder(), { a: { port: 1 } })), '--inherit'])
  expect(await process.exit).toEqual([1, null])
  expect(process.stderr()).toContain('--inherit is for "baton up"')
})

async function write(config: ReturnType<typeof configIn>): Promise<string> {
  const path = join(config.admin, '..', 'proxy.json')
  await writeFile(path, JSON.stringify(config))
  return path
}

async function runMain(argv: readonly string[]) {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  return { child, exit: once(child, 'close'), stderr: () => text }
}
