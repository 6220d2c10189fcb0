import { type Cli, type CliExit, runCli, spawnCli } from './cli.ts'
import { killProcessesIn } from './processes.ts'

/** A folder with a baton.yaml, and the `baton up` that runs it. */
export interface Site {
  readonly up: Cli
  /** Resolves when `baton up` says that it is ready; fails with all that it said if it ends instead. */
  ready(timeoutMs?: number): Promise<void>
  /** `baton status --json` */
  status(): Promise<SiteStatus>
  /** Runs `baton ...args` in the folder to its end. */
  run(...args: readonly string[]): Promise<CliExit>
  /** Starts `baton ...args` in the folder. */
  start(...args: readonly string[]): Cli
  /** Ends whatever was started, the commands first, and makes sure that no process is left. */
  stop(): Promise<void>
}

/** What the contract says of `baton status --json`. */
export interface SiteStatus {
  readonly name: string
  readonly release: string | null
  readonly nodes: readonly {
    readonly id: string
    readonly address: string
    readonly weight: number
    readonly state: 'serving' | 'draining' | 'drained' | 'down' | 'unknown'
    readonly inflight: number | null
    readonly release: string | null
    readonly healthy: boolean
  }[]
}

/** Starts `baton up` in `folder`. */
export function startSite(folder: string): Site {
  const up = spawnCli(['up'], { cwd: folder })
  const started: Cli[] = []

  const run = (...args: readonly string[]) => runCli(args, { cwd: folder })

  const status = async () => {
    const { exitCode, stdout, stderr } = await run('status', '--json')
    if (exitCode !== 0) throw new Error(stderr.trim() || `baton status ended with exit code ${exitCode}`)
    return JSON.parse(stdout) as SiteStatus
  }

  return {
    up,
    async ready(timeoutMs = 60_000) {
      await up.line(/ready: /, timeoutMs)
    },
    status,
    run,
    start(...args) {
      const cli = spawnCli(args, { cwd: folder })
      started.push(cli)
      return cli
    },
    async stop() {
      for (const cli of started) await cli.stop(5_000)
      await up.stop()
      await killProcessesIn(folder)
    },
  }
}
