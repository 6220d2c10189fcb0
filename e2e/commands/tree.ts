import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Every file and link below a folder, with what it holds, but the lock: to hold it is no change. Sockets are named alone. */
export async function readTree(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const read = entries.map(async (entry): Promise<[string, string]> => {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) return [path, await readFile(path, 'base64')]
    return [path, entry.isSymbolicLink() ? await readlink(path) : '']
  })
  const tree = await Promise.all(read)
  return Object.fromEntries(tree.filter(([path]) => !path.includes('/.baton/lock') && !path.endsWith('/.baton')))
}
