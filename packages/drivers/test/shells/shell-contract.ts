import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Shell } from '@baton/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, isRunning } from '../nodes/apps.ts'

/** What every driver of a shell must do. `makeShell` gives programs 300 ms from SIGTERM to SIGKILL. */
export function describeShellContract(name: string, makeShell: () => Shell): void {
  describe(`the ${name} shell`, () => {
    const shell = makeShell()
    let dir: string
    beforeEach(async () => {
      dir = await realpath(await mkdtemp(join(tmpdir(), 'baton-shell-test-')))
    })
    afterEach(() => rm(dir, { recursive: true, force: true }))

    const run = (argv: readonly string[], options: { env?: Record<string, string>; timeoutMs?: number } = {}) =>
      shell.run(argv, {
        cwd: dir,
        signal: AbortSignal.timeout(options.timeoutMs ?? 20_000),
        ...(options.env === undefined ? {} : { env: options.env }),
      })

    it('tells what a program printed, and its exit code whatever it is', async () => {
      expect(await run(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
        exitCode: 3,
        stdout: 'out\n',
        stderr: 'err\n',
      })
    })

    it('has no exit code for a program that a signal ended', async () => {
      expect((await run(['sh', '-c', 'kill -9 $$'])).exitCode).toBeNull()
    })

    it('hands every word over as it is: nothing is expanded', async () => {
      const words = ['$HOME', '*', 'a b', '; rm -rf x', '`id`', '"', "'"]
      expect((await run(['printf', '%s\\n', ...words])).stdout).toBe(`${words.join('\n')}\n`)
    })

    it('runs in the folder and the environment it is given', async () => {
      expect((await run(['sh', '-c', 'echo "$PWD $COLOR"'], { env: { COLOR: 'green' } })).stdout).toBe(`${dir} green\n`)
    })

    it('gives programs an empty input', async () => {
      expect((await run(['cat'])).stdout).toBe('')
    })

    it('keeps the last 64 KiB of what is printed', async () => {
      const { stdout } = await run(['sh', '-c', 'seq 1 200000; echo end'])
      expect(stdout.length).toBeLessThanOrEqual(64 * 1024)
      expect(stdout.length).toBeGreaterThan(60 * 1024)
      expect(stdout).toMatch(/^\d+\n(\d+\n)+end\n$/)
    })

    it('says which command was not found, and where it looked', async () => {
      await expect(run(['no-such-program'], { env: { PATH: '/nowhere' } })).rejects.toMatchObject({
        code: 'command-not-found',
        message: expect.stringMatching(/no-such-program.*\/nowhere/),
        hint: expect.any(String),
      })
      await expect(run(['./missing.sh'])).rejects.toMatchObject({ code: 'command-not-found' })
      await expect(run([])).rejects.toMatchObject({ code: 'command-not-found' })
    })

    it('does not take a missing folder for a missing command', async () => {
      const { signal } = new AbortController()
      await expect(shell.run(['ls'], { signal, cwd: join(dir, 'gone') })).rejects.toMatchObject({
        code: 'folder-missing',
      })
    })

    it('says that a file may not be executed', async () => {
      await run(['sh', '-c', 'echo > script; chmod 644 script'])
      await expect(run(['./script'])).rejects.toMatchObject({ code: 'command-not-executable' })
    })

    it('ends a program and its children when the signal aborts, and kills what does not heed it', async () => {
      const controller = new AbortController()
      const script = `trap '' TERM; sleep 60 & echo $! > child; echo $$ > parent; while :; do sleep 0.1; done`
      const running = shell.run(['sh', '-c', script], { cwd: dir, signal: controller.signal })
      const pidIn = async (file: string) => Number((await run(['cat', file])).stdout)
      const [child, parent] = await eventually(async () => {
        const pids = [await pidIn('child'), await pidIn('parent')] as const
        return pids.every((pid) => pid > 0) && pids
      })
      controller.abort()
      await expect(running).rejects.toMatchObject({ code: 'command-timeout', hint: expect.any(String) })
      expect([isRunning(child), isRunning(parent)]).toEqual([false, false])
    })

    it('starts nothing once the signal has aborted', async () => {
      await expect(shell.run(['touch', 'made'], { cwd: dir, signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: 'command-timeout',
      })
      expect((await run(['ls'])).stdout).toBe('')
    })

    it('does not wait for what a command leaves running, and does not end it either', async () => {
      const { stdout } = await run(['sh', '-c', 'sleep 60 & echo $!'])
      expect(isRunning(Number(stdout))).toBe(true)
      process.kill(Number(stdout), 'SIGKILL')
    })
  })
}
