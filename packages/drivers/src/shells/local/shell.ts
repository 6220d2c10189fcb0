import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatonError, type Shell, type ShellOptions, type ShellResult } from '@baton/core'
import { endGroup } from './group.ts'
import { explainSpawnError } from './spawn-error.ts'

export interface LocalShellOptions {
  /** From SIGTERM to SIGKILL when a call is aborted. Default 5000. */
  readonly killAfterMs?: number
}

/** How much of each output is kept: its end, where errors are. */
const keptBytes = 64 * 1024

/**
 * Runs programs on this host, each in a process group of its own, in this process's environment with `env` over it.
 *
 * Output goes through files, not pipes: a start command may leave an app behind that keeps its output open. A pipe would
 * then never end, and would kill the app at its next line once this process is gone.
 */
export function createLocalShell({ killAfterMs = 5000 }: LocalShellOptions = {}): Shell {
  return {
    async run(argv, options) {
      const directory = await mkdtemp(join(tmpdir(), 'baton-shell-'))
      try {
        const stdout = await open(join(directory, 'stdout'), 'ax+', 0o600)
        const stderr = await open(join(directory, 'stderr'), 'ax+', 0o600)
        try {
          const exitCode = await run(argv, options, [stdout.fd, stderr.fd], killAfterMs)
          return { exitCode, stdout: await tail(stdout), stderr: await tail(stderr) } satisfies ShellResult
        } finally {
          await Promise.all([stdout.close(), stderr.close()])
        }
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  }
}

async function run(
  argv: readonly string[],
  { signal, cwd, env }: ShellOptions,
  [stdout, stderr]: readonly [number, number],
  killAfterMs: number,
): Promise<number | null> {
  const [program = '', ...args] = argv
  if (program === '') throw new BatonError('command-not-found', 'no command to run', { hint: 'write its argv' })
  if (signal.aborted) throw timedOut(program)
  const environment = { ...process.env, ...env }
  const child = spawn(program, args, { cwd, env: environment, detached: true, stdio: ['ignore', stdout, stderr] })
  if (child.pid === undefined) {
    const [error] = await once(child, 'error')
    throw await explainSpawnError(error, { program, cwd, path: environment.PATH })
  }
  try {
    const [exitCode] = await once(child, 'exit', { signal })
    return exitCode
  } catch (error) {
    if (!signal.aborted) throw error
    await endGroup(child.pid, { graceMs: killAfterMs })
    throw timedOut(program)
  }
}

function timedOut(program: string): BatonError {
  return new BatonError('command-timeout', `${program} was ended: it did not finish in the time it was given`, {
    hint: `run ${program} by hand to see what it waits for, or give it more time`,
  })
}

/** The last `keptBytes`, from the start of a line where something had to go. */
async function tail(file: FileHandle): Promise<string> {
  const { size } = await file.stat()
  const from = Math.max(0, size - keptBytes)
  const buffer = Buffer.alloc(size - from)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, from)
  const text = buffer.toString('utf8', 0, bytesRead)
  return from === 0 ? text : text.slice(text.indexOf('\n') + 1)
}
