import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { identify, isAlive } from '../shells/local/identity.ts'

/**
 * Folders under way: `.<release>.<pid>.<start time>.<random>.partial`. The name says whose it is, so that what a killed
 * process left is told from what a living one is writing.
 */
export async function makePartial(releasesDir: string, id: string): Promise<string> {
  const path = await partialPath(releasesDir, id)
  await mkdir(path, { recursive: true })
  return path
}

/** Removes a folder so that it is gone as a whole at once, and its remains are found if this process dies over it. */
export async function removeWhole(releasesDir: string, id: string): Promise<void> {
  const aside = await partialPath(releasesDir, id)
  await rename(join(releasesDir, id), aside)
  await rm(aside, { recursive: true, force: true })
}

/** Removes what processes that are no more left half done. */
export async function sweepPartials(releasesDir: string): Promise<void> {
  for (const name of await readdir(releasesDir)) {
    const match = /^\..+\.(\d+)\.([^.]+)\.[0-9a-f]+\.partial$/.exec(name)
    if (match === null) continue
    const [, pid = '', startTime = ''] = match
    if (!(await isAlive({ pid: Number(pid), startTime: decodeURIComponent(startTime) }))) {
      await rm(join(releasesDir, name), { recursive: true, force: true })
    }
  }
}

async function partialPath(releasesDir: string, id: string): Promise<string> {
  const me = await identify(process.pid)
  const startTime = encodeURIComponent(me?.startTime ?? '')
  return join(releasesDir, `.${id}.${process.pid}.${startTime}.${randomBytes(4).toString('hex')}.partial`)
}
