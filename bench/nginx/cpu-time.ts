import { readFileSync } from 'node:fs'

/** What these processes have used of the processor so far, in seconds. See proc(5), /proc/pid/stat. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) / ticksPerSecond
}

/** USER_HZ: the same on every Linux that Node.js runs on. */
const ticksPerSecond = 100

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, the program's name in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [fields[11], fields[12]]
  return Number(user) + Number(system)
}
