import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { BatonError } from '@baton/core'
import { freePorts } from './free-ports.ts'
import { findServer, installCommand } from './servers.ts'
import { type TempDir, tempDir } from './temp-dir.ts'
import { waitFor } from './wait-for.ts'

export interface Redis {
  readonly url: string
  readonly port: number
  /** Of the process that was started last. */
  readonly pid: number
  /** kill -9. */
  kill(): Promise<void>
  /** Again, after `kill`, on the same port; it remembers what it is to keep. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface RedisOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Whether a `kill` loses nothing that it had acknowledged: it is all in the system's hands, though not on the disk. Default: it keeps nothing. */
  readonly durable?: boolean
  /** More of redis-server's own, for example ['--requirepass', 'x']. */
  readonly args?: readonly string[]
}

/** A redis-server in a folder of its own. Fails with `server-missing`, or `redis-failed` and its log. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const { durable = false } = options
  const program = findServer('redis-server')
  if (program === null) {
    throw new BatonError('server-missing', `redis-server is not installed: ${installCommand('redis-server')}`)
  }
  const port = options.port ?? (await freePorts(1))[0] ?? 0
  const folder: TempDir = await tempDir()
  const keep = durable ? ['--appendonly', 'yes', '--appendfsync', 'no'] : ['--appendonly', 'no']
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder.path]
  const args = [...place, '--save', '', ...keep, ...(options.args ?? [])]
  let running: { readonly child: ChildProcess; readonly closed: Promise<unknown> } | undefined

  const start = async () => {
    const child = spawn(program, args, { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] })
    running = { child, closed: once(child, 'close') }
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        log += chunk.toString()
      })
    }
    const state = await waitFor(async () => (child.exitCode === null ? await accepts(port) : 'ended'), {
      what: `redis-server on port ${port}`,
    })
    if (state === 'ended') throw new BatonError('redis-failed', `redis-server ended at once:\n${log}`)
  }
  const kill = async () => {
    running?.child.kill('SIGKILL')
    await running?.closed
  }
  const stop = async () => {
    await kill()
    await folder.remove()
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return running?.child.pid ?? 0
    },
    kill,
    start,
    stop,
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
