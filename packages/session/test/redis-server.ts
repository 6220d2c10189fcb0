import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A real redis-server of the test's own, without persistence. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  readonly busPort: number
  /** SIGSTOP and SIGCONT. */
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  /** On the same port, empty. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface RedisOptions {
  readonly args?: readonly string[]
  readonly port?: number
  /** Needs a second free port, for the bus. */
  readonly isCluster?: boolean
}

/** Whether the tests that need Redis can run. Without it they are skipped, with the remedy; in CI that is an error. */
export const hasRedis = probe()

/** `args`: of redis-server, beyond those that every test wants. */
export async function startRedis({ args: more = [], ...given }: RedisOptions = {}): Promise<TestRedis> {
  const port = given.port ?? (await freePort())
  const busPort = given.isCluster === true ? await freePort() : 0
  const bus = busPort === 0 ? [] : ['--cluster-port', String(busPort)]
  const dir = mkdtempSync(join(tmpdir(), 'baton-redis-'))
  let child: ChildProcess | undefined

  const server: TestRedis = {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    busPort,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async kill() {
      const dying = child
      child = undefined
      if (dying === undefined || dying.exitCode !== null) return
      const exit = once(dying, 'exit')
      dying.kill('SIGKILL')
      await exit
    },
    async start() {
      const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir]
      child = spawn('redis-server', [...args, ...bus, ...more], { stdio: 'ignore' })
      while (!(await accepts(port))) await sleep(10)
    },
    async stop() {
      await server.kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

function probe(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    const remedy = 'redis-server is not installed: run `apt-get install redis-server` (or `brew install redis`)'
    if (process.env.CI) throw new Error(remedy)
    console.warn(`skipped: ${remedy}`)
    return false
  }
}
