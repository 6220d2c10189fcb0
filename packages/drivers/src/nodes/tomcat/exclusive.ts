import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeNew } from '../../durable.ts'
import { identify, isAlive, type ProcessIdentity } from '../../shells/local/identity.ts'

const retryEveryMs = 20

/**
 * Does `work` while no other process does any on the same lock file: a deploy and `baton up` both start a node's Tomcat.
 * A holder that was killed is found out. Rejects when the signal aborts while it waits.
 */
export async function exclusively<T>(lockFile: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true })
  const mine = JSON.stringify({ ...(await identify(process.pid)), turn: randomBytes(8).toString('hex') })
  for (;;) {
    signal.throwIfAborted()
    if (await take(lockFile, mine)) break
    const holder = await read(lockFile)
    if (holder !== null && !(await isHeld(holder))) await removeStale(lockFile, holder)
    else await sleep(retryEveryMs, undefined, { signal })
  }
  try {
    return await work()
  } finally {
    if ((await read(lockFile)) === mine) await rm(lockFile, { force: true })
  }
}

/** By a link, which fails where there is a file, and appears with all that is in it. */
async function take(lockFile: string, mine: string): Promise<boolean> {
  const draft = `${lockFile}.${randomBytes(6).toString('hex')}`
  try {
    await writeNew(draft, mine)
    await link(draft, lockFile)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** What was found stale, but not what somebody has put in its place since. */
async function removeStale(lockFile: string, stale: string): Promise<void> {
  const aside = `${lockFile}.${randomBytes(6).toString('hex')}`
  try {
    await rename(lockFile, aside)
    if ((await read(aside)) !== stale) await link(aside, lockFile)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}

async function isHeld(holder: string): Promise<boolean> {
  try {
    return await isAlive(JSON.parse(holder) as ProcessIdentity)
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

async function read(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}
