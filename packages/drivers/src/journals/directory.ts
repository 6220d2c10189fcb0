import { open } from 'node:fs/promises'

/** Makes a new or renamed entry of the directory survive a power failure: fsync of the file does not sync its name. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
