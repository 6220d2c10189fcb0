import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runCli, spawnCli } from '../src/cli.ts'
import { freePorts } from '../src/free-ports.ts'
import { processesIn } from '../src/processes.ts'
import { startRedis } from '../src/redis.ts'
import { repository } from '../src/repository.ts'
import { findServer, needServer } from '../src/servers.ts'
import { tempDir } from '../src/temp-dir.ts'
import { waitFor } from '../src/wait-for.ts'

test('waitFor resolves to the first real answer, errors on the way included', async () => {
  const answers = [false, null, undefined, new Error('not yet'), 0]
  const next = () => {
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }
  expect(await waitFor(next, { what: 'an answer', intervalMs: 1 })).toBe(0)
})

test('waitFor names what it waited for in vain, and the last error', async () => {
  const refuse = () => Promise.reject(new Error('refused'))
  await expect(waitFor(refuse, { what: 'the server', timeoutMs: 30, intervalMs: 5 })).rejects.toThrow(
    'waited 30 ms in vain: the server (refused)',
  )
})

test('free ports are all different, and can be listened on', async () => {
  const ports = await freePorts(20)
  expect(new Set(ports).size).toBe(20)
  const server = createServer()
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(ports[0], '127.0.0.1', resolve))
})

test('a temporary folder goes with everything that still runs in it', async () => {
  const folder = await tempDir()
  expect(dirname(folder.path)).toBe(join(repository, '.tmp'))
  const child = spawn('sleep', ['60'], { cwd: folder.path, detached: true, stdio: 'ignore' })
  await waitFor(async () => (await processesIn(folder.path)).length === 1, { what: 'sleep' })
  expect((await processesIn(folder.path))[0]?.pid).toBe(child.pid)

  await folder.remove()

  expect(await processesIn(folder.path)).toEqual([])
  expect(existsSync(folder.path)).toBe(false)
})

describe('the command line', () => {
  test('runs to its end, with exit code and output', async () => {
    const folder = await tempDir()
    onTestFinished(folder.remove)
    const exit = await runCli(['no-such-verb'], { cwd: folder.path })
    expect(exit).toMatchObject({ exitCode: 2, signal: null, stdout: '' })
    expect(exit.stderr).toContain('no-such-verb')
    expect(exit.durationMs).toBeGreaterThan(10)
  })

  test('is waited for line by line, and an end before the line is told with the output', async () => {
    const folder = await tempDir()
    onTestFinished(folder.remove)
    const cli = spawnCli(['no-such-verb'], { cwd: folder.path })
    expect(await cli.line(/no-such-verb/)).toContain('no-such-verb')
    await expect(cli.line(/never printed/)).rejects.toMatchObject({
      code: 'cli-ended',
      message: expect.stringContaining('no-such-verb'),
    })
    expect((await cli.stop()).exitCode).toBe(2)
  })
})

describe('servers', () => {
  afterEach(() => void vi.unstubAllEnvs())

  const skipped = () => {
    const notes: (string | undefined)[] = []
    const skip = (note?: string): never => {
      notes.push(note)
      throw new Error('skipped')
    }
    return { notes, context: { task: { meta: {} as { skipReason?: string } }, skip } }
  }

  test('one that is installed is found', (context) => {
    const program = needServer('redis-server', context)
    expect(program).toBe(findServer('redis-server'))
    expect(program).toMatch(/^\/.*redis-server$/)
  })

  test('a missing one skips the test and says what installs it', () => {
    vi.stubEnv('CI', '')
    vi.stubEnv('PATH', '/nowhere')
    const { notes, context } = skipped()
    expect(() => needServer('chromium', context)).toThrow('skipped')
    expect(notes).toEqual(['chromium is not installed: sudo apt-get install chromium'])
    expect(context.task.meta.skipReason).toBe(notes[0])
  })

  test('a missing one fails the test in CI', () => {
    vi.stubEnv('CI', 'true')
    vi.stubEnv('PATH', '/nowhere')
    expect(() => needServer('chromium', skipped().context)).toThrow('apt-get install chromium')
  })

  test('a redis-server of its own answers, and leaves nothing behind', async (context) => {
    needServer('redis-server', context)
    const redis = await startRedis()
    const socket = connect(redis.port, '127.0.0.1')
    socket.end('PING\r\n')
    expect(await text(socket)).toBe('+PONG\r\n')
    expect(existsSync(`/proc/${redis.pid}`)).toBe(true)
    await redis.stop()
    expect(existsSync(`/proc/${redis.pid}`)).toBe(false)
  })
})
