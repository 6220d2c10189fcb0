import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { BatonError } from '@baton/core'
import { identify, type ProcessIdentity } from '../shells/local/identity.ts'
import { explainSpawnError } from '../shells/local/spawn-error.ts'

export interface LaunchOptions {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Where both outputs go. */
  readonly logFd: number
}

export interface Launched extends ProcessIdentity {
  /** Resolves to how it ended: `exit code 1`, `signal SIGSEGV`. */
  readonly exited: Promise<string>
}

/**
 * Starts an app in a session and process group of its own: a Ctrl-C at the supervisor's terminal does not reach it, and it
 * outlives a kill -9 of the supervisor. Fails with `command-not-found` and its like.
 */
export async function launch({ argv, cwd, env, logFd }: LaunchOptions): Promise<Launched> {
  const [program = '', ...args] = argv
  if (program === '') throw new BatonError('command-not-found', 'the app has no command', { hint: 'set app.command' })
  const environment = { ...inheritedEnvironment(), ...env }
  const child = spawn(program, args, { cwd, env: environment, detached: true, stdio: ['ignore', logFd, logFd] })
  const { pid } = child
  if (pid === undefined) {
    const [error] = await once(child, 'error')
    throw await explainSpawnError(error, { program, cwd, path: environment.PATH })
  }
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code === null ? `signal ${signal}` : `exit code ${code}`))
  })
  // One that has ended already has no identity any more.
  return { pid, startTime: (await identify(pid))?.startTime ?? 'ended', exited }
}

/**
 * The supervisor's environment without what Baton and npm set for themselves: an app must see neither another Baton's
 * node nor the package that `npx baton` ran from.
 */
function inheritedEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(BATON_|npm_)/.test(name)))
}
