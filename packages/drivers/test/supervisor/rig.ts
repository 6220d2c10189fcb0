import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Call, Node } from '@baton/core'
import { createProcessNode } from '../../src/nodes/process/node.ts'
import {
  createSupervisor,
  type SupervisedNode,
  type Supervisor,
  type SupervisorOptions,
} from '../../src/supervisor/supervisor.ts'
import { freePort, isRunning } from '../nodes/apps.ts'

type Changes = Partial<Pick<SupervisorOptions, 'nodes' | 'backoff' | 'rotation'>>

/** One node, web-1, with a supervisor. */
export interface SupervisedRig {
  readonly dir: string
  readonly stateDir: string
  readonly port: number
  readonly options: Omit<SupervisorOptions, 'log'>
  readonly node: Node
  /** What the supervisor told the operator. */
  readonly lines: string[]
  /** A fresh call of 20 s. */
  call(token?: number): Call
  /** Starts a supervisor in this process. */
  upHere(changes?: Changes): Promise<void>
  /** Starts a supervisor in a process of its own. */
  up(changes?: Changes): Promise<void>
  /** Ends the supervisor and waits until its process is gone; one in this process can only be told to stop. */
  down(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  remove(): Promise<void>
}

export async function makeSupervisedRig(app: Partial<SupervisedNode['app']> = {}): Promise<SupervisedRig> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-up-'))
  const stateDir = join(dir, '.baton')
  const port = await freePort()
  const lines: string[] = []
  let child: ChildProcess | undefined
  let here: Supervisor | undefined
  const nodes: readonly SupervisedNode[] = [
    {
      id: 'web-1',
      address: { host: '127.0.0.1', port },
      app: {
        driver: 'process',
        command: ['node', 'server.js'],
        env: { GREETING: 'hello' },
        stopTimeoutMs: 5000,
        ...app,
      },
    },
  ]

  const options = { stateDir, nodes, sessionsStore: 'lmdb:/sessions', sessionsNamespace: 'shop' }

  const down = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await here?.stop()
    here = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  return {
    dir,
    stateDir,
    port,
    lines,
    down,
    options,
    node: createProcessNode({ id: 'web-1', stateDir }),
    call: (token = 1) => ({ token, signal: AbortSignal.timeout(20_000) }),

    async upHere(changes) {
      const supervisor = createSupervisor({ ...options, ...changes, log: (line) => lines.push(line) })
      await supervisor.start()
      here = supervisor
    },

    async up(changes) {
      const program = fileURLToPath(new URL('./supervisor-process.ts', import.meta.url))
      const started = spawn(
        process.execPath,
        ['--import', 'tsx', program, JSON.stringify({ ...options, ...changes })],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
      child = started
      started.stderr.on('data', (data: Buffer) => lines.push(...data.toString().trimEnd().split('\n')))
      await Promise.race([
        once(started.stdout, 'data'),
        once(started, 'exit').then(() => {
          throw new Error(`the supervisor ended: ${lines.join('\n')}`)
        }),
      ])
    },

    async remove() {
      await down('SIGTERM')
      await endRecorded(stateDir)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** What a supervisor that was killed for good has left running. */
async function endRecorded(stateDir: string): Promise<void> {
  try {
    const { nodes } = JSON.parse(readFileSync(join(stateDir, 'supervisor.json'), 'utf8'))
    for (const { process: recorded } of Object.values<{ process: { pid: number } | null }>(nodes)) {
      if (recorded !== null && isRunning(recorded.pid)) process.kill(-recorded.pid, 'SIGKILL')
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
