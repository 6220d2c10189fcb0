import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { syncPath } from '../durable.ts'
import { inParallel } from './parallel.ts'
import { walkFolder } from './walk.ts'

/** Copies what `source` holds, Baton's and git's own folders left out, into the existing folder `target`, and syncs it. */
export async function copyFolder(source: string, target: string, signal: AbortSignal): Promise<void> {
  const files: { path: string; mode: number }[] = []
  const folders = ['']
  for await (const entry of walkFolder(source)) {
    signal.throwIfAborted()
    if (entry.type === 'directory') {
      folders.push(entry.path)
      await mkdir(join(target, entry.path), entry.mode | 0o700)
    } else if (entry.type === 'symlink') {
      await symlink(entry.target, join(target, entry.path))
    } else {
      files.push(entry)
    }
  }
  await inParallel(files, async ({ path, mode }) => {
    signal.throwIfAborted()
    await copySynced(join(source, path), join(target, path), mode)
  })
  await inParallel(folders, (path) => syncPath(join(target, path)))
}

/** A clone where the file system can; the owner may always read and remove it. */
export async function copySynced(source: string, target: string, mode: number): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await chmod(target, (mode & 0o777) | 0o600)
  await syncPath(target)
}
