import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { killProcessesIn } from './processes.ts'
import { findServer, installCommand } from './servers.ts'
import { keptDir, tempDir } from './temp-dir.ts'
import { waitFor } from './wait-for.ts'

/** A HAProxy of its own, in a folder of its own. */
export interface Haproxy {
  readonly dir: string
  /** The runtime API, which the configuration must name. */
  readonly socketPath: string
  readonly configFile: string
  /** Answers of the runtime API, as text. */
  ask(command: string): Promise<string>
  /** Of the process that answers. */
  pid(): Promise<number>
  /** kill -9 of every process of it. */
  kill(): Promise<void>
  /** Again, after `kill`, with the configuration as it is now. */
  start(): Promise<void>
  /** As an administrator reloads it; resolves when the new process answers. The former one ends its requests. */
  reload(): Promise<void>
  /** Kills it, and removes its folder if it is its own. */
  stop(): Promise<void>
}

export interface HaproxyPlace {
  readonly dir: string
  readonly socketPath: string
}

export interface HaproxyOptions {
  /** Where it lives, and what is left of it when it is stopped. Default: a folder of its own, removed in the end. */
  readonly folder?: string
  /** The text of its configuration, with a stats socket of level admin at `socketPath`. */
  readonly config: (place: HaproxyPlace) => string | Promise<string>
  /** -W, as systemd runs it; else one process, replaced with -sf. Default: true. */
  readonly masterWorker?: boolean
}

/** Fails with `server-missing`, or `haproxy-failed` and its log. */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const { config, masterWorker = true } = options
  const program = findServer('haproxy')
  if (program === null) {
    throw new BatonError('server-missing', `haproxy is not installed: ${installCommand('haproxy')}`)
  }
  const folder = await (options.folder === undefined ? tempDir() : keptDir(options.folder))
  // Apart, so that its processes are told from those of others in the same folder.
  const home = join(folder.path, 'haproxy')
  await mkdir(home)
  const place = { dir: folder.path, socketPath: join(folder.path, 'admin.sock') }
  const configFile = join(folder.path, 'haproxy.cfg')
  await writeFile(configFile, await config(place))
  let child: ChildProcess | undefined
  let log = ''

  async function run(more: readonly string[]): Promise<void> {
    const args = [masterWorker ? '-W' : '-db', '-f', configFile, ...more]
    const started = spawn(program as string, args, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    log = ''
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk))
    await once(started, 'spawn')
  }

  /** Resolves when another process than `former` answers. */
  async function answers(former: number | null): Promise<void> {
    const state = await waitFor(
      async () => {
        if (child === undefined || child.exitCode !== null || child.signalCode !== null) return 'ended'
        const pid = await pidOf(place.socketPath)
        return pid !== former && 'ready'
      },
      { what: 'haproxy to answer on its runtime socket', timeoutMs: 15_000 },
    )
    if (state === 'ended') throw new BatonError('haproxy-failed', `haproxy ended at once:\n${log}`)
  }

  const haproxy: Haproxy = {
    ...place,
    configFile,
    ask: (command) => ask(place.socketPath, command),
    pid: () => pidOf(place.socketPath),

    async kill() {
      await killProcessesIn(home)
      if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },

    async start() {
      await run([])
      await answers(null)
    },

    async reload() {
      const former = await pidOf(place.socketPath)
      if (masterWorker) {
        await waitFor(() => catchesReload(child?.pid), { what: 'the master of haproxy to take signals' })
        child?.kill('SIGUSR2')
      } else await run(['-sf', String(former)])
      await answers(former)
    },

    async stop() {
      await haproxy.kill()
      await folder.remove()
    },
  }
  try {
    await haproxy.start()
  } catch (error) {
    await haproxy.stop()
    throw error
  }
  return haproxy
}

/** Its worker answers before the master is ready, which ignores SIGUSR2 (12) until then. proc_pid_status(5), SigCgt. */
async function catchesReload(pid: number | undefined): Promise<boolean> {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (BigInt(`0x${mask}`) & (1n << 11n)) !== 0n
}

async function pidOf(socketPath: string): Promise<number> {
  return Number(/^Pid: (\d+)$/m.exec(await ask(socketPath, 'show info'))?.[1])
}

function ask(socketPath: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(socketPath, () => socket.write(`${command}\n`))
    // In a reload it may have landed with the process that ends.
    socket.setTimeout(1_000, () => socket.destroy(new Error('haproxy does not answer')))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
