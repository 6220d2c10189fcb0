import { readdir, readFile, readlink } from 'node:fs/promises'
import type { NodeState } from '@baton/core'
import type { Verdict } from '@baton/testkit'
import { expect } from 'vitest'
import type { Rig } from '../rig.ts'

/** The balancer's word on one node. */
export async function stateOf(site: Rig, node: string): Promise<NodeState | undefined> {
  return (await site.view()).nodes.find(({ id }) => id === node)?.state
}

export interface Excepted {
  /** Since the epoch, in ms: only requests that were sent in this time … */
  readonly from: number
  readonly to: number
  /** … may fail, without an answer and in this way … */
  readonly error: RegExp
  /** … and so many at most. */
  readonly atMost?: number
}

/** What cannot be avoided may fail; nothing else may, and nothing may be lost or doubled. */
export function expectFailedOnly(verdict: Verdict, { from, to, error, atMost }: Excepted): void {
  const others = verdict.ledger.filter(
    (entry) =>
      entry.problem !== null &&
      (entry.problem !== 'failed' ||
        entry.status !== null ||
        entry.startedAt < from ||
        entry.startedAt > to ||
        !error.test(entry.error ?? '')),
  )
  expect(others).toEqual([])
  if (atMost !== undefined) expect(verdict.failed).toBeLessThanOrEqual(atMost)
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
}

/** The ports of the clients whose connections to `port` a process holds. Linux: proc(5), /proc/pid/fd and /proc/pid/net/tcp. */
export async function clientPortsOf(pid: number, port: number): Promise<ReadonlySet<number>> {
  const names = await readdir(`/proc/${pid}/fd`)
  const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')))
  const sockets = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]))
  const rows = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).trim().split('\n').slice(1)
  const found = rows.flatMap((row) => {
    const [, local = '', remote = '', state, , , , , , inode] = row.trim().split(/\s+/)
    return portIn(local) === port && state === ESTABLISHED && sockets.has(inode) ? [portIn(remote)] : []
  })
  return new Set(found)
}

const ESTABLISHED = '01'

function portIn(address: string): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16)
}
