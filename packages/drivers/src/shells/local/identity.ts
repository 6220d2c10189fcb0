import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * A process of this host beyond doubt: process ids are used again, a pid together with its start time is not.
 * `startTime` is only to be compared: on Linux the boot and the clock tick since then, elsewhere the date `ps` prints.
 */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTime: string
}

/** The identity of the process that has this pid now; null where there is none, or only its unreaped remains. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  if (process.platform !== 'linux') return identifyWithPs(pid)
  const stat = await readProcStat(pid)
  return stat === null || stat.ended ? null : { pid, startTime: `${bootId()}-${stat.startTicks}` }
}

export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await identify(process.pid))?.startTime === process.startTime
}

export interface ProcStat {
  /** A zombie, or about to be gone. */
  readonly ended: boolean
  readonly group: number
  readonly startTicks: string
}

/** Fields 3, 5 and 22 of proc_pid_stat(5). The command's name, field 2, may itself hold blanks and parentheses. */
export async function readProcStat(pid: number): Promise<ProcStat | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { ended: /[ZXx]/.test(fields[0] ?? 'X'), group: Number(fields[2]), startTicks: fields[19] ?? '' }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return null
    throw error
  }
}

async function identifyWithPs(pid: number): Promise<ProcessIdentity | null> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)])
    const [state = '', ...started] = stdout.trim().split(/\s+/)
    return state === '' || state.startsWith('Z') ? null : { pid, startTime: started.join(' ') }
  } catch (error) {
    // `ps` answers 1 for a pid that nobody has.
    if ((error as { code?: unknown }).code === 1) return null
    throw error
  }
}

/** Ticks count from the boot: without it, processes of two boots could have the same identity. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)
  } catch {
    // Sandboxes hide it.
    return 'boot'
  }
}
