import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { waitFor } from '@baton/testkit'

/** A server under test, as a process of its own. */
export interface ServerProcess {
  readonly pid: number
  /** Resident memory of it and its workers, in bytes. */
  residentBytes(): number
  stop(): Promise<void>
}

/** Starts `argv` and resolves when `url` answers 200; fails with the server's output if it does not. */
export async function startServerProcess(
  argv: readonly string[],
  {
    cwd,
    url,
    env = {},
    timeoutMs = 20_000,
  }: { cwd: string; url: string; env?: Readonly<Record<string, string>>; timeoutMs?: number },
): Promise<ServerProcess> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000)
    })
  }
  const pid = child.pid ?? 0
  const stop = async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      child.kill(signal)
      const timer = new Promise((resolve) => setTimeout(resolve, 3_000, 'late').unref())
      if ((await Promise.race([closed, timer])) !== 'late') return
    }
  }
  try {
    const answers = async () => child.exitCode !== null || (await statusOf(url)) === 200
    await waitFor(answers, { what: `an answer of ${url}`, timeoutMs, intervalMs: 50 })
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`)
  } catch (error) {
    await stop()
    throw new Error(`${argv.join(' ')}: ${error instanceof Error ? error.message : error}\n${output}`)
  }
  return {
    pid,
    residentBytes: () => [pid, ...childrenOf(pid)].reduce((sum, each) => sum + residentBytes(each), 0),
    stop,
  }
}

/** Leaves no connection behind, which a balancer that waits for the last one would wait for. */
async function statusOf(url: string): Promise<number | undefined> {
  const [answer] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

/** See proc(5), /proc/pid/task/tid/children. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}
