import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { killProcessesIn } from './processes.ts'
import { repository } from './repository.ts'

export interface TempDir {
  readonly path: string
  /** Kills what still runs in it, then removes it, unless it is to be kept. */
  remove(): Promise<void>
}

/** Made if it is not there; left as it is when what runs in it has been killed. */
export async function keptDir(path: string): Promise<TempDir> {
  await mkdir(path, { recursive: true })
  return { path, remove: async () => void (await killProcessesIn(path)) }
}

/**
 * A new folder in the checkout's `.tmp/`, so that apps in it find node_modules. Its path is short, since that of a unix
 * socket may have no more than 107 bytes (unix(7)).
 */
export async function tempDir(): Promise<TempDir> {
  const parent = join(repository, '.tmp')
  await mkdir(parent, { recursive: true })
  const path = await mkdtemp(parent + sep)
  return {
    path,
    async remove() {
      await killProcessesIn(path)
      await rm(path, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
