import { rmSync } from 'node:fs'
import { callAdmin } from '../admin/client.ts'
import { findSockets } from '../admin/socket-path.ts'
import { ProxyError, systemCode } from '../errors.ts'
import type { Address } from './listening-socket.ts'

/** A process that serves, or still finishes requests, at an admin path. */
export interface Peer {
  readonly pid: number
  readonly socket: string
  /** False for one that has been replaced or is stopping, and only finishes what it has in flight. */
  readonly inCharge: boolean
  /** Of the configuration it was started with. */
  readonly fingerprint: string
  readonly listen: Address
}

/** Addressed to the one process that it is sent to, never passed on to its successor. */
export const thisProcessOnly = { 'baton-scope': 'process' } as const

const patienceMs = 5_000

/** All live processes at this admin path. The sockets of dead ones are removed. */
export async function findPeers(admin: string): Promise<readonly Peer[]> {
  const peers = await Promise.all([...findSockets(admin)].map(([pid, socket]) => ask(pid, socket)))
  return peers.filter((peer) => peer !== undefined)
}

/** Whether a call failed because nobody is there any more: the process has died, so nothing of it is in flight. */
export function isGone(error: unknown): boolean {
  return systemCode(error) === 'ECONNREFUSED' || systemCode(error) === 'ENOENT'
}

async function ask(pid: number, socket: string): Promise<Peer | undefined> {
  try {
    const call = { method: 'GET', path: '/v1/nodes', headers: thisProcessOnly, timeoutMs: patienceMs } as const
    const { body } = await callAdmin(socket, call)
    const { phase, fingerprint, listen } = body as { phase: string } & Pick<Peer, 'fingerprint' | 'listen'>
    return { pid, socket, inCharge: phase === 'serving', fingerprint, listen }
  } catch (error) {
    if (isGone(error)) {
      rmSync(socket, { force: true })
      return undefined
    }
    throw new ProxyError(
      'peer-silent',
      `the balancer process ${pid} does not answer on ${socket}: look at it, and end it with "kill ${pid}" if it hangs`,
      error,
    )
  }
}
