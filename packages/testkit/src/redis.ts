import { spawn } from 'node:child_process'
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
  readonly pid: number
  stop(): Promise<void>
}

export interface RedisOptions {
  /** Default: a free one. */
  readonly port?: number
  /** More of redis-server's own, for example ['--requirepass', 'x']. */
  readonly args?: readonly string[]
}

/** A redis-server of its own that keeps nothing on disk. Fails with `server-missing`, or `redis-failed` and its log. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const program = findServer('redis-server')
  if (program === null) {
    throw new BatonError('server-missing', `redis-server is not installed: ${installCommand('redis-server')}`)
  }
  const port = options.port ?? (await freePorts(1))[0] ?? 0
  const folder: TempDir = await tempDir()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder.path]
  const child = spawn(program, [...args, ...(options.args ?? [])], {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
  }
  const stop = async () => {
    child.kill('SIGKILL')
    await closed
    await folder.remove()
  }
  try {
    const state = await waitFor(async () => (child.exitCode === null ? await accepts(port) : 'ended'), {
      what: `redis-server on port ${port}`,
    })
    if (state === 'ended') throw new BatonError('redis-failed', `redis-server ended at once:\n${log}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `redis://127.0.0.1:${port}`, port, pid: child.pid ?? 0, stop }
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
