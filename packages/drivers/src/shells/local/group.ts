import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
import { readProcStat } from './identity.ts'

/** How long the kernel may take to end a process after SIGKILL; longer means it hangs in a system call. */
const killedWithinMs = 10_000

export interface EndGroupOptions {
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number
  /** Ends the grace at once. */
  readonly hurry?: AbortSignal
}

/**
 * Ends a process group: SIGTERM, then SIGKILL. Resolves when nothing of it runs any more, and at once where nothing did.
 * Fails with `process-stuck` when even SIGKILL does not end it.
 */
export async function endGroup(pgid: number, { graceMs, hurry }: EndGroupOptions): Promise<void> {
  if (!signalGroup(pgid, 'SIGTERM')) return
  const killAt = Date.now() + graceMs
  if (await groupEndsBy(killAt, pgid, hurry)) return
  signalGroup(pgid, 'SIGKILL')
  if (await groupEndsBy(Date.now() + killedWithinMs, pgid)) return
  throw new BatonError('process-stuck', `process group ${pgid} outlived SIGKILL`, {
    hint: `look at what it waits for: ps -o pid,stat,wchan,args -g ${pgid}`,
  })
}

/** Whether anything of the group still runs; what has ended and only waits to be reaped does not count. */
async function isGroupAlive(pgid: number): Promise<boolean> {
  if (!signalGroup(pgid, 0)) return false
  if (process.platform !== 'linux') return true
  const leader = await readProcStat(pgid)
  if (leader !== null && leader.group === pgid && !leader.ended) return true
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readProcStat(Number(name))
    if (stat !== null && stat.group === pgid && !stat.ended) return true
  }
  return false
}

async function groupEndsBy(deadline: number, pgid: number, hurry?: AbortSignal): Promise<boolean> {
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    if (!(await isGroupAlive(pgid))) return true
    const leftMs = deadline - Date.now()
    if (leftMs <= 0 || hurry?.aborted) return false
    await sleep(Math.min(pauseMs, leftMs))
  }
}

/** False where there is no such group. */
function signalGroup(pgid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pgid, signal)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ESRCH') return false
    // macOS answers EPERM for a group of zombies.
    if (code === 'EPERM' && process.platform === 'darwin') return false
    throw error
  }
}
