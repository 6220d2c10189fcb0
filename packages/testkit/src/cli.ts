import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { repository } from './repository.ts'
import { waitFor } from './wait-for.ts'

export interface CliOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** runCli only: then it is killed and the call fails with `cli-timeout`. */
  readonly timeoutMs?: number
}

export interface CliExit {
  /** null when a signal ended it. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** The real `baton`, running. */
export interface Cli {
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Resolves to the first line of either output that matches; fails with `cli-ended` or `wait-timeout`, output included. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>
  /** Resolves when it has ended by itself. */
  exited(): Promise<CliExit>
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, then SIGKILL after `killAfterMs`. */
  stop(killAfterMs?: number): Promise<CliExit>
}

/** Runs `baton ...args` to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliExit> {
  const { timeoutMs = 120_000 } = options
  const cli = spawnCli(args, options)
  const timer = setTimeout(() => cli.signal('SIGKILL'), timeoutMs)
  const exit = await cli.exited()
  clearTimeout(timer)
  if (exit.signal === 'SIGKILL' && exit.durationMs >= timeoutMs) {
    throw new BatonError('cli-timeout', `baton ${args.join(' ')} ran longer than ${timeoutMs} ms\n${outputOf(cli)}`)
  }
  return exit
}

/** Starts `baton ...args`, for example `up`, and leaves it running. */
export function spawnCli(args: readonly string[], options: CliOptions): Cli {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [join(repository, 'packages/cli/bin/baton.js'), ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const exit = once(child, 'close').then(
    (): CliExit => ({
      exitCode: child.exitCode,
      signal: child.signalCode,
      stdout: stdout(),
      stderr: stderr(),
      durationMs: performance.now() - startedAt,
    }),
  )

  const cli: Cli = {
    pid: child.pid ?? 0,
    stdout,
    stderr,
    line: (pattern, timeoutMs = 30_000) =>
      waitFor(
        () => {
          const lines = `${stdout()}\n${stderr()}`.split('\n')
          const found = lines.find((line) => pattern.test(line))
          if (found === undefined && hasEnded(child)) return { ended: true }
          return found === undefined ? null : { found }
        },
        { timeoutMs, what: `a line of \`baton ${args.join(' ')}\` that matches ${pattern}` },
      ).then((seen) => {
        if ('found' in seen) return seen.found as string
        throw new BatonError(
          'cli-ended',
          `baton ${args.join(' ')} ended before a line matched ${pattern}\n${outputOf(cli)}`,
        )
      }),
    exited: () => exit,
    signal(signal) {
      if (!hasEnded(child)) child.kill(signal)
    },
    async stop(killAfterMs = 30_000) {
      cli.signal('SIGTERM')
      const timer = setTimeout(() => cli.signal('SIGKILL'), killAfterMs)
      const ended = await exit
      clearTimeout(timer)
      return ended
    },
  }
  return cli
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
  })
  return () => text
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function outputOf(cli: Cli): string {
  return [cli.stdout(), cli.stderr()].map((text) => text.slice(-4000)).join('\n')
}
