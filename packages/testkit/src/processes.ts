import { readdir, readlink } from 'node:fs/promises'
import { sep } from 'node:path'
import { waitFor } from './wait-for.ts'

export interface RunningProcess {
  readonly pid: number
  /** Its working directory. */
  readonly cwd: string
}

/**
 * The processes that work in this folder or below it: what a `baton up` started there and left behind, whoever its
 * parent is by now. Linux only; empty elsewhere. See proc(5), /proc/pid/cwd.
 */
export async function processesIn(folder: string): Promise<readonly RunningProcess[]> {
  const entries = await readdir('/proc').catch(() => [])
  const pids = entries.map(Number).filter((pid) => pid > 0 && pid !== process.pid)
  const found = await Promise.all(pids.map(async (pid) => ({ pid, cwd: await readCwd(pid) })))
  return found.filter(({ cwd }) => cwd === folder || cwd.startsWith(folder + sep))
}

/** Kills them with SIGKILL and waits until they are gone. */
export async function killProcessesIn(folder: string): Promise<readonly RunningProcess[]> {
  const left = await processesIn(folder)
  const kill = async () => {
    const now = await processesIn(folder)
    for (const { pid } of now) killIfThere(pid)
    return now.length === 0
  }
  await waitFor(kill, { what: `the end of the processes in ${folder}` })
  return left
}

async function readCwd(pid: number): Promise<string> {
  try {
    // The kernel says so of a folder that is gone.
    return (await readlink(`/proc/${pid}/cwd`)).replace(/ \(deleted\)$/, '')
  } catch {
    return ''
  }
}

function killIfThere(pid: number) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
