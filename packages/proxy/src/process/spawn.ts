import { type ChildProcess, type SendHandle, spawn } from 'node:child_process'
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import { ProxyError } from '../errors.ts'
import type { Address, SocketHandle } from './listening-socket.ts'

export interface SpawnOptions {
  /** Path of main.js. */
  readonly main: string
  /** Path of the configuration. */
  readonly config: string
  /** Path of the file that standard output and error are appended to. */
  readonly log: string
  /** The socket to listen on; without one the process binds for itself. */
  readonly listening: SocketHandle | undefined
  /** Whether it takes the place of the process that runs. */
  readonly replace: boolean
}

export interface SpawnedProxy {
  readonly pid: number
  readonly child: ChildProcess
  /** Resolves when it serves, with where. Fails with its own error, or with `proxy-died`. */
  readonly ready: Promise<Address>
  /** Lets it live on without this process. */
  release(): void
}

/** From the process to the one that has spawned it. */
export type StartReport =
  | { readonly type: 'ready'; readonly address: Address }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }

/** In a session of its own, writing to a file: neither a Ctrl-C in the terminal nor the death of this process ends it. */
export function spawnProxy({ main, config, log, listening, replace }: SpawnOptions): SpawnedProxy {
  const flags = [...(listening === undefined ? [] : ['--inherit']), ...(replace ? ['--replace'] : [])]
  turnOver(log)
  const logFd = openSync(log, 'a', 0o600)
  let child: ChildProcess
  try {
    child = spawn(process.execPath, [main, config, ...flags], {
      detached: true,
      stdio: ['ignore', logFd, logFd, 'ipc'],
    })
  } finally {
    closeSync(logFd)
  }
  const ready = new Promise<Address>((resolve, reject) => {
    child.on('message', (report: StartReport) => {
      if (report.type === 'ready') resolve(report.address)
      else reject(new ProxyError(report.code, report.message))
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`
      reject(new ProxyError('proxy-died', `the balancer's process ended before it served (${how}): see ${log}`))
    })
  })
  // Whoever waits hears of it; a restart in the background may have nobody waiting.
  ready.catch(() => {})
  if (listening !== undefined) {
    // The types know only net.Server, which would accept connections in this process; Node sends its handle just as well.
    child.send({ type: 'listen' }, listening as unknown as SendHandle, () => {})
  }
  return {
    pid: child.pid ?? 0,
    child,
    ready,
    release() {
      if (child.connected) child.disconnect()
      child.unref()
    },
  }
}

const longestLogBytes = 10_000_000

/** One old log is kept. A process that still writes to it goes on in the file under its new name. */
function turnOver(log: string): void {
  const bytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (bytes > longestLogBytes) renameSync(log, `${log}.1`)
}
