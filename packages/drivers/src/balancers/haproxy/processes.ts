import { readFile, readlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { identify, isAlive, type ProcessIdentity } from '../../shells/local/identity.ts'

/**
 * The process of this host that `show info` speaks of; null where it cannot be seen from here (HAProxy in a container, or
 * another system than Linux).
 */
export async function identifyHaproxy(pid: number): Promise<ProcessIdentity | null> {
  return (await isHaproxy(pid)) ? identify(pid) : null
}

/**
 * How many other processes of the same HAProxy run besides this one. A reload leaves the former worker running until its
 * last request has ended. It answers no runtime socket any more, and sends requests of its clients by the states it had.
 * Found are those of the same master, and of `known` those that still live.
 */
export async function countOthers(pid: number, known: readonly ProcessIdentity[]): Promise<number> {
  const others = new Set(await siblings(pid))
  for (const process of known) if (await isAlive(process)) others.add(process.pid)
  others.delete(pid)
  return others.size
}

/** What it was started with (`-f FILE`), as absolute paths; null where that cannot be seen from here. */
export async function configFilesOf(pid: number): Promise<readonly string[] | null> {
  const args = (await isHaproxy(pid)) ? ((await read(`/proc/${pid}/cmdline`)) ?? '').split('\0') : []
  const files = args.flatMap((arg, index) => (arg === '-f' ? [args[index + 1] ?? ''] : []))
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => null)
  return files.length === 0 || cwd === null ? null : files.map((file) => resolve(cwd, file))
}

/** Workers of one master. Without a master (no -W) the parent may be anybody's, and says nothing. */
async function siblings(pid: number): Promise<readonly number[]> {
  const master = (await isHaproxy(pid)) ? await parentOf(pid) : null
  if (master === null || !(await isHaproxy(master))) return []
  // proc(5): the children of the task; the master has but one thread.
  const children = ((await read(`/proc/${master}/task/${master}/children`)) ?? '')
    .split(' ')
    .filter((each) => each !== '')
  const found: number[] = []
  for (const child of children.map(Number)) if (await isHaproxy(child)) found.push(child)
  return found
}

async function isHaproxy(pid: number): Promise<boolean> {
  return (await read(`/proc/${pid}/comm`))?.trim() === 'haproxy'
}

/** Field 4 of proc_pid_stat(5); field 2 may itself hold blanks and parentheses. Null for what has ended. */
async function parentOf(pid: number): Promise<number | null> {
  const stat = await read(`/proc/${pid}/stat`)
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

async function read(path: string): Promise<string | null> {
  // Gone meanwhile, or none of ours to see.
  return readFile(path, 'utf8').catch(() => null)
}
