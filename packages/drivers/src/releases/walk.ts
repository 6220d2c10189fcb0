import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { linkStaysInside } from './link.ts'

/** What stands in a folder, at a path relative to it. */
export type FolderEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly size: number }

/** Never part of a release: what Baton and git keep beside the app. */
const excluded = new Set(['.baton', '.git'])

export interface WalkOptions {
  /** Leaves everything else out, unseen. */
  readonly only?: ReadonlySet<string>
}

/**
 * Everything below a folder, each folder before what it holds. Fails with `release-link-escapes` and
 * `release-file-special` for what a release cannot hold.
 */
export async function* walkFolder(root: string, options: WalkOptions = {}, folder = ''): AsyncGenerator<FolderEntry> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    if (excluded.has(entry.name)) continue
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (options.only?.has(path) === false) continue
    if (entry.isSymbolicLink()) {
      yield { type: 'symlink', path, target: await readInsideLink(root, path) }
      continue
    }
    const stats = await lstat(join(root, path))
    const mode = stats.mode & 0o777
    if (stats.isDirectory()) {
      yield { type: 'directory', path, mode }
      yield* walkFolder(root, options, path)
    } else if (stats.isFile()) {
      yield { type: 'file', path, mode, size: stats.size }
    } else {
      throw new BatonError('release-file-special', `${join(root, path)} is neither a file, a folder nor a link`, {
        hint: 'remove this socket, pipe or device from the release',
      })
    }
  }
}

async function readInsideLink(root: string, path: string): Promise<string> {
  const target = await readlink(join(root, path))
  if (linkStaysInside(path, target)) return target
  throw new BatonError('release-link-escapes', `${join(root, path)} links to ${target}, out of the release`, {
    hint: 'a release must be whole in itself: replace the link by what it points to, or link with a relative path inside',
  })
}
