import { type Address, BatonError, type Call, type CommandAppConfig, type Node, type Shell } from '@baton/core'
import { withDeadline } from '../../deadline.ts'
import { createReleaseStore, type ReleaseStoreOptions } from '../../releases/store.ts'

export interface CommandNodeOptions {
  readonly id: string
  readonly address: Address
  readonly app: CommandAppConfig
  /** The node's folder on this host, `<stateDir>/nodes/<node>`; absolute. Its releases are kept there. */
  readonly dir: string
  /** Where the commands run: the folder of baton.yaml. */
  readonly cwd: string
  readonly shell: Shell
  /** Called before anything is changed; fails when the token is outdated. */
  assertHeld(token: number): Promise<void>
  readonly limits?: ReleaseStoreOptions['limits']
}

/**
 * A node that something else runs (systemd, docker compose, pm2): its commands are argv templates with {node}, {host},
 * {port}, {release} and {releaseDir}. They also get HOST, PORT, BATON_NODE, BATON_RELEASE and BATON_SHARED in their
 * environment. The files are kept like those of a `process` node; `activate` switches `current`, then runs its command.
 *
 * A stop command that takes longer than `stopTimeoutMs` is ended, and has failed. Without a `release` command it cannot be told what runs: `inspect` says `unknown`.
 */
export function createCommandNode(options: CommandNodeOptions): Node {
  const { id, address, app, dir, cwd, shell, assertHeld } = options
  const releases = createReleaseStore({ dir, ...(options.limits === undefined ? {} : { limits: options.limits }) })

  const runCommand = async (template: readonly string[], signal: AbortSignal) => {
    const release = (await releases.current()) ?? ''
    const values: Readonly<Record<string, string>> = {
      node: id,
      host: address.host,
      port: String(address.port),
      release,
      releaseDir: release === '' ? '' : releases.releaseDir(release),
    }
    const env = {
      ...app.env,
      HOST: address.host,
      PORT: String(address.port),
      BATON_NODE: id,
      BATON_RELEASE: release,
      BATON_SHARED: releases.sharedDir,
    }
    // Braces of others, such as those of `docker ps --format {{.Names}}`, stay as they are.
    const argv = template.map((word) =>
      word.replace(/\{(node|host|port|release|releaseDir)\}/g, (_all, name: string) => values[name] ?? ''),
    )
    return { argv, ...(await shell.run(argv, { signal, cwd, env })) }
  }

  const act = async (verb: string, template: readonly string[], { signal, token }: Call): Promise<void> => {
    await assertHeld(token)
    const { argv, exitCode, stdout, stderr } = await runCommand(template, signal)
    if (exitCode === 0) return
    const how = exitCode === null ? 'was ended by a signal' : `exited with code ${exitCode}`
    throw new BatonError('command-failed', `node ${id}: the ${verb} command ${how}: ${argv.join(' ')}`, {
      hint: `run it by hand in ${cwd} to see why, or correct app.${verb} in baton.yaml`,
      log: lastLines(`${stdout}\n${stderr}`),
    })
  }

  /** What the `release` command says runs: an id, null for nothing, undefined where it cannot tell. */
  const askRunning = async (signal: AbortSignal): Promise<string | null | undefined> => {
    if (app.release === null) return undefined
    const { exitCode, stdout } = await runCommand(app.release, signal)
    if (exitCode !== 0) return undefined
    return stdout.trim() === '' ? null : stdout.trim()
  }

  return {
    id,
    driver: 'command',

    // The lock itself is asked before each command: there is nobody else to tell.
    fence: ({ token }) => assertHeld(token),
    async inspect({ signal }) {
      const running = await askRunning(signal)
      return {
        process: running === undefined ? 'unknown' : running === null ? 'stopped' : 'running',
        running: running ?? null,
        current: await releases.current(),
        staged: await releases.list(),
        restarts: 0,
        lastExit: null,
      }
    },
    async stage(release, { signal, token }) {
      await assertHeld(token)
      await releases.stage(release, signal)
    },
    verify: (releaseId, { signal }) => releases.verify(releaseId, signal),
    stop: (call) =>
      withDeadline({ signal: call.signal, deadlineMs: app.stopTimeoutMs }, (signal) =>
        act('stop', app.stop, { ...call, signal }),
      ),
    async activate(releaseId, call) {
      await assertHeld(call.token)
      await releases.activate(releaseId)
      if (app.activate !== null) await act('activate', app.activate, call)
    },
    start: (call) => act('start', app.start, call),
    async prune(keep, { token }) {
      await assertHeld(token)
      await releases.prune(keep)
    },
    logTail: async () => [],
  }
}

function lastLines(output: string): readonly string[] {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-10)
}
