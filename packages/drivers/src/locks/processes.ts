import { readFileSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** Where a process number means something. Fields are null where the system does not tell (elsewhere than on Linux). */
export interface Place {
  /** Changes at every start of the host: /proc/sys/kernel/random/boot_id. */
  readonly boot: string | null
  /** Containers on one host count their processes each on their own: /proc/self/ns/pid. */
  readonly pidNamespace: string | null
}

export function thisPlace(): Place {
  return {
    boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: orNull(() => readlinkSync('/proc/self/ns/pid')),
  }
}

export function sharesProcesses(a: Place, b: Place): boolean {
  return a.boot !== null && a.boot === b.boot && a.pidNamespace !== null && a.pidNamespace === b.pidNamespace
}

/**
 * Whether the process is provably gone: there is none of that number, it is a zombie, or the one there is was started
 * at another time. When in doubt it lives.
 */
export async function isGone(pid: number, startTicks: string | null): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const stat = await statOf(pid)
  if (stat === null || startTicks === null) return false
  return stat.isDead || stat.startTicks !== startTicks
}

/** When a process was started, in clock ticks since the host was; null where the system does not tell. */
export async function startTicksOf(pid: number): Promise<string | null> {
  return (await statOf(pid))?.startTicks ?? null
}

/** proc(5): field 2 is the name in parentheses, and may itself hold any of them; 3 is the state, 22 the start time. */
async function statOf(pid: number): Promise<{ isDead: boolean; startTicks: string | null } | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  const fromState = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { isDead: 'ZXx'.includes(fromState[0] ?? ''), startTicks: fromState[22 - 3] ?? null }
}

function orNull(read: () => string): string | null {
  try {
    return read()
  } catch {
    return null
  }
}
