import { link, mkdir, open, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { syncPath } from '../durable.ts'
import { linkStaysInside } from './link.ts'

/** Bounds of what an archive may unpack to. */
export interface UnpackLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/**
 * A folder that is being filled from an archive nobody vouches for. Everything is made by the tree itself, with names
 * that did not exist before and below folders that it made: no entry can reach through a link, or out of the root.
 * What an entry wants beyond that is refused with `archive-unsafe`, naming it; too much of it with `archive-too-large`.
 */
export interface UnpackedTree {
  directory(path: string): Promise<void>
  /** `size` as the archive declares it, in bytes; the writer sees to it that there is no more. */
  file(
    path: string,
    options: { readonly size: number; readonly mode: number },
    content: AsyncIterable<Buffer>,
  ): Promise<void>
  symlink(path: string, target: string): Promise<void>
  /** A further name for a file unpacked before. */
  hardLink(path: string, target: string): Promise<void>
  /** How many files were unpacked. */
  readonly files: number
  /** Brings the folders to the disk; the files are there already. */
  sync(): Promise<void>
}

export function unpackInto(root: string, limits: UnpackLimits): UnpackedTree {
  const made = new Map<string, 'directory' | 'file' | 'symlink'>([['', 'directory']])
  let entries = 0
  let bytes = 0

  const count = (size: number): void => {
    entries++
    bytes += size
    if (entries <= limits.maxEntries && bytes <= limits.maxBytes) return
    throw new BatonError(
      'archive-too-large',
      `the archive unpacks to more than ${limits.maxEntries} entries or ${limits.maxBytes} bytes`,
      { hint: 'release a folder instead, or see what the archive holds' },
    )
  }

  const makeDirectory = async (path: string): Promise<void> => {
    const before = made.get(path)
    if (before === 'directory') return
    if (before !== undefined) throw unsafe(path, `it goes through a ${before}`)
    await makeDirectory(parentOf(path))
    await mkdir(join(root, path), 0o755)
    made.set(path, 'directory')
  }

  /** Makes the way to a file or link, and room for it: as in tar, the last of several files with one name wins. */
  const prepare = async (name: string): Promise<string> => {
    const path = safePath(name)
    if (path === '') throw unsafe(name, 'it has no name')
    await makeDirectory(parentOf(path))
    const before = made.get(path)
    if (before === 'directory') throw unsafe(name, 'it is a folder as well')
    if (before !== undefined) await unlink(join(root, path))
    return path
  }

  return {
    get files() {
      return [...made.values()].filter((type) => type === 'file').length
    },

    async directory(name) {
      count(0)
      await makeDirectory(safePath(name))
    },

    async file(name, { size, mode }, content) {
      count(size)
      const path = await prepare(name)
      const file = await open(join(root, path), 'wx', (mode & 0o777) | 0o600)
      made.set(path, 'file')
      try {
        for await (const chunk of content) await file.writeFile(chunk)
        await file.sync()
      } finally {
        await file.close()
      }
    },

    async symlink(name, target) {
      count(0)
      const path = await prepare(name)
      if (!linkStaysInside(path, target)) throw unsafe(name, `it links to ${target}, out of the release`)
      await symlink(target, join(root, path))
      made.set(path, 'symlink')
    },

    async hardLink(name, target) {
      count(0)
      const from = pathOf(target)
      if (made.get(from) !== 'file' || from === safePath(name)) {
        throw unsafe(name, `it links to ${target}, which is no file unpacked before`)
      }
      const path = await prepare(name)
      await link(join(root, from), join(root, path))
      made.set(path, 'file')
    },

    async sync() {
      for (const [path, type] of made) if (type === 'directory') await syncPath(join(root, path))
    },
  }
}

export function unsafe(name: string, reason: string): BatonError {
  return new BatonError('archive-unsafe', `the archive's entry ${JSON.stringify(name)} is refused: ${reason}`, {
    hint: 'do not trust this archive; pack the app again, with relative paths below one folder',
  })
}

/** The entry's path without `.` and doubled slashes; refuses every way out. */
function safePath(name: string): string {
  if (name.includes('\0')) throw unsafe(name, 'its name holds a NUL')
  if (name.startsWith('/') || /^[A-Za-z]:[\\/]/.test(name)) throw unsafe(name, 'its path is absolute')
  if (name.split(/[\\/]/).includes('..')) throw unsafe(name, 'its path leads out of the release')
  return pathOf(name)
}

function pathOf(name: string): string {
  return name
    .split('/')
    .filter((step) => step !== '' && step !== '.')
    .join('/')
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
