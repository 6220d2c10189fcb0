import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Whom a file belongs to. */
export interface FileOwner {
  readonly uid: number
  readonly gid: number
}

/**
 * Replaces a file as a whole: after a crash it holds the old text or the new one, never a part. `mode`: default 0600;
 * `owner`: default whoever runs this.
 */
export async function writeAtomically(
  path: string,
  text: string | Uint8Array,
  { mode = 0o600, owner }: { readonly mode?: number; readonly owner?: FileOwner } = {},
): Promise<void> {
  // With a leading dot, which the `*` of somebody's include does not match.
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeNew(temporary, text, owner === undefined ? { mode } : { mode, owner })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncPath(dirname(path))
}

/** Makes a file and brings its contents to the disk. Rejects with EEXIST where there is one. `mode`, whatever the umask: default 0600. */
export async function writeNew(
  path: string,
  text: string | Uint8Array,
  { mode = 0o600, owner }: { readonly mode?: number; readonly owner?: FileOwner } = {},
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    // Before the mode, as the system takes the set-id bits away with it, and before the text, which may hold a password.
    if (owner !== undefined) await file.chown(owner.uid, owner.gid)
    await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Brings a file's contents, or a directory's entries, to the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
