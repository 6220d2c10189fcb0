import { lstat, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The folder itself, or the nearest one above it that is there. */
export async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((await stat(folder).catch(() => undefined))?.isDirectory()) return folder
    if (folder === dirname(folder)) return folder
  }
}

/** Never part of a release. */
const excluded = new Set(['.baton', '.git'])

/** The sizes of the files below a folder, in bytes; links are not followed. */
export async function* fileSizes(folder: string, signal: AbortSignal): AsyncGenerator<number> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    signal.throwIfAborted()
    if (excluded.has(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* fileSizes(path, signal)
    else if (entry.isFile()) yield (await lstat(path)).size
  }
}
