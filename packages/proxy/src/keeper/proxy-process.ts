import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { callAdmin } from '../admin/client.ts'
import { ownSocketPath } from '../admin/socket-path.ts'
import { ProxyError } from '../errors.ts'
import type { Address } from '../process/listening-socket.ts'
import { findPeers, isGone, type Peer, thisProcessOnly } from '../process/peers.ts'
import { type SpawnOptions, spawnProxy } from '../process/spawn.ts'

/** A balancer process as its keeper sees it: its own child, or one that it has found running. */
export interface ProxyProcess {
  readonly pid: number
  readonly address: Address
  /** Resolves when it has ended, with how, for people. */
  readonly ended: Promise<string>
  /** Asks it to stop; `ended` tells when it has. */
  stop(options: { readonly graceMs: number }): Promise<void>
  /** SIGKILL. */
  kill(): void
  /** Makes it start its own successor, which gets its listening socket. */
  spawnSuccessor(options: Pick<SpawnOptions, 'main' | 'config' | 'log'>): Promise<ProxyProcess>
}

const patienceMs = 5_000
const startPatienceMs = 30_000
const pollMs = 25

/** The process in charge at this admin path, or undefined. */
export async function findRunning(admin: string): Promise<Peer | undefined> {
  return (await findPeers(admin)).find((peer) => peer.inCharge)
}

/** Resolves when it serves. Fails with its own error, and then it has ended. */
export async function startChild(options: SpawnOptions & { readonly admin: string }): Promise<ProxyProcess> {
  const { child, pid, ready } = spawnProxy(options)
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`))
    child.once('error', (error) => resolve(error.message))
  })
  const deadline = setTimeout(() => child.kill('SIGKILL'), startPatienceMs)
  try {
    const address = await ready
    return withAdmin(options.admin, { pid, address, ended, kill: () => child.kill('SIGKILL') })
  } catch (error) {
    await ended
    throw error
  } finally {
    clearTimeout(deadline)
  }
}

/** A process that is not this one's child. */
export function adoptProcess(admin: string, { pid, listen, socket }: Peer): ProxyProcess {
  return withAdmin(admin, { pid, address: listen, ended: endOf(socket), kill: () => killIfThere(pid, 'SIGKILL') })
}

function withAdmin(
  admin: string,
  process: Pick<ProxyProcess, 'pid' | 'address' | 'ended'> & { kill(): unknown },
): ProxyProcess {
  const socket = ownSocketPath(admin, process.pid)
  return {
    ...process,
    kill: () => void process.kill(),

    async stop({ graceMs }) {
      const call = { method: 'POST', path: '/v1/stop', headers: thisProcessOnly, timeoutMs: patienceMs } as const
      await callAdmin(socket, { ...call, body: { graceMs } })
    },

    async spawnSuccessor({ main, config, log }) {
      const call = { method: 'POST', path: '/v1/successor', headers: thisProcessOnly, timeoutMs: patienceMs } as const
      const { status, body } = await callAdmin(socket, { ...call, body: { main, config, log } })
      if (status !== 202) {
        const answer = JSON.stringify(body)
        throw new ProxyError(
          'hand-over-failed',
          `the balancer process ${process.pid} starts no other: ${answer}; see ${log}`,
        )
      }
      const { pid } = body as { readonly pid: number }
      return adoptProcess(admin, await waitUntilInCharge(admin, pid, log))
    },
  }
}

async function waitUntilInCharge(admin: string, pid: number, log: string): Promise<Peer> {
  const deadline = Date.now() + startPatienceMs
  while (killIfThere(pid, 0) && Date.now() < deadline) {
    // Not to be asked in the middle of the hand-over is no failure.
    const running = await findRunning(admin).catch(() => undefined)
    if (running?.pid === pid) return running
    await sleep(pollMs)
  }
  throw new ProxyError('proxy-died', `the balancer's new process ${pid} did not come up: see ${log}`)
}

/** An answer that stays open for as long as the process lives tells when it ends. */
async function endOf(socket: string): Promise<string> {
  for (;;) {
    const error = await new Promise<unknown>((resolve) => {
      const outgoing = request({ socketPath: socket, path: '/v1/life', headers: thisProcessOnly, agent: false })
      outgoing.on('error', resolve)
      outgoing.on('response', (incoming) => incoming.on('error', resolve).on('close', resolve).resume())
      outgoing.end()
    })
    if (isGone(error)) return 'it is gone'
    await sleep(pollMs)
  }
}

/** False when there is no such process. */
function killIfThere(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
