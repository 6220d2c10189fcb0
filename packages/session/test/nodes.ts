import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface TestNode {
  readonly origin: string
  kill(): Promise<void>
}

/** Ours, or the same app on express-session and connect-redis. */
export type NodeProgram = 'worker.js' | 'peer-worker.js'

/** `count` processes that serve one app on one store. */
export function startNodes(count: number, store: string, program: NodeProgram = 'worker.js'): Promise<TestNode[]> {
  return Promise.all(Array.from({ length: count }, () => startNode(store, program)))
}

export async function startNode(store: string, program: NodeProgram = 'worker.js'): Promise<TestNode> {
  const child: ChildProcess = spawn(process.execPath, [new URL(program, import.meta.url).pathname], {
    env: { ...process.env, BATON_SESSION_STORE: store },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [address] = (await once(child, 'message')) as [{ port: number }]
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    },
  }
}
