import { readdir, readFile } from 'node:fs/promises'
import { BatonError } from '@baton/core'
import { identify, isAlive, type ProcessIdentity } from '../../shells/local/identity.ts'

/** The workers of nginx in the process table, where alone it can be seen that an old one is still there; none but on Linux. */
export async function workersOf(master: number): Promise<ProcessIdentity[]> {
  if (process.platform !== 'linux') return []
  const found: ProcessIdentity[] = []
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || (await parentOf(pid)) !== master) continue
    const identity = (await titleOf(pid)).includes('worker process') ? await identify(pid) : null
    if (identity !== null) found.push(identity)
  }
  return found
}

/** The master of a worker. Fails with `nginx-worker-hidden` where the process table does not show it. */
export async function masterOf(worker: number): Promise<ProcessIdentity> {
  const parent = await parentOf(worker)
  const master = parent === null ? null : await identify(parent)
  if (master !== null) return master
  throw new BatonError('nginx-worker-hidden', `nginx answers as process ${worker}, which cannot be seen from here`, {
    hint: 'mode: reload needs Linux, and baton in the same container or host as nginx; mode: dynamic does not',
  })
}

/**
 * `leaving`: it only finishes what it has, takes no new connection and nothing more on an old one. Its title says so.
 */
export async function stageOf(worker: ProcessIdentity): Promise<'working' | 'leaving' | 'gone'> {
  if (!(await isAlive(worker))) return 'gone'
  return (await titleOf(worker.pid)).includes('shutting down') ? 'leaving' : 'working'
}

/** proc_pid_cmdline(5), which nginx overwrites with what the process is about. */
async function titleOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
}

/** Field 4 of proc_pid_stat(5); null where there is no such process. */
async function parentOf(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}
