import { readdir, readFile } from 'node:fs/promises'
import { readProcStat } from '../shells/local/identity.ts'

/**
 * The process groups that run with all of this environment, for example `BATON_NODE=web-1`; this process's own left out.
 * They are what a supervisor started in the instant before it was killed, too late to note it down. Only Linux tells;
 * elsewhere there are none.
 */
export async function findStrays(environment: Readonly<Record<string, string>>): Promise<readonly number[]> {
  if (process.platform !== 'linux') return []
  const wanted = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const groups = new Set<number>()
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const own = new Set((await readEnvironment(pid)).split('\0'))
    if (!wanted.every((entry) => own.has(entry))) continue
    const stat = await readProcStat(pid)
    if (stat !== null && !stat.ended) groups.add(stat.group)
  }
  return [...groups]
}

/** Empty for a process that is gone, or someone else's. */
async function readEnvironment(pid: number): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}
