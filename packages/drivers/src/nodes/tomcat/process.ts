import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { identify, type ProcessIdentity } from '../../shells/local/identity.ts'
import { tomcatLayout } from './layout.ts'

/**
 * A Tomcat as its own command line tells of it: `-Dcatalina.base`, which catalina.sh adds, and what the driver adds. A pid file
 * may be stale and its number another's by now; a command line cannot be.
 */
export interface RunningTomcat extends ProcessIdentity {
  readonly release: string
  /** `host:port` that it was started for. */
  readonly address: string
}

export const releaseProperty = 'baton.release'
export const addressProperty = 'baton.address'

/** The Tomcat that the pid file of a node's folder names, or null. */
export async function findByPidFile(nodeDir: string): Promise<RunningTomcat | null> {
  const { base, pidFile } = tomcatLayout(nodeDir)
  const text = await readFile(pidFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const pid = /^\s*(\d{1,10})\s*$/.exec(text)?.[1]
  return pid === undefined ? null : tomcatOf(Number(pid), base)
}

/** As `findByPidFile`; where that finds none, among all processes: catalina.sh may have been killed before it wrote the file. */
export async function findTomcat(nodeDir: string): Promise<RunningTomcat | null> {
  const named = await findByPidFile(nodeDir)
  if (named !== null) return named
  const { base } = tomcatLayout(nodeDir)
  for (const pid of await pids()) {
    const found = await tomcatOf(pid, base)
    if (found !== null) return found
  }
  return null
}

async function tomcatOf(pid: number, base: string): Promise<RunningTomcat | null> {
  const identity = await identify(pid)
  if (identity === null) return null
  const words = await commandLine(pid)
  const property = (name: string) => words.find((word) => word.startsWith(`-D${name}=`))?.slice(name.length + 3)
  if (property('catalina.base') !== base) return null
  return { ...identity, release: property(releaseProperty) ?? '', address: property(addressProperty) ?? '' }
}

async function pids(): Promise<readonly number[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid='])
    return stdout.split('\n').map(Number).filter(Boolean)
  }
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
}

/** Empty for a process that is gone. */
async function commandLine(pid: number): Promise<readonly string[]> {
  if (process.platform === 'linux') {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  }
  // `ps` shows words as one text. Ours come at the end of each: what follows begins with a dash, or with Tomcat's class.
  const shown = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return shown.stdout.trim().split(/ (?=-|org\.apache\.)/)
}
