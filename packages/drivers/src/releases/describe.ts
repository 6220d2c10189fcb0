import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { BatonError, type Release } from '@baton/core'
import { checkReleaseId, defaultReleaseId } from './id.ts'
import { hashFile, hashListing, listFolder } from './listing.ts'

/**
 * What a source on this host is as a release: a folder, a `.zip` or `.tar.gz` (unpacked when staged), or a `.war` or
 * `.jar` (kept as the file it is). `at` goes into the default id.
 *
 * Fails with `release-source-missing`, `-empty`, `-unreadable` or `-unsupported`, `release-link-escapes`,
 * `release-file-special` or `release-id-invalid`.
 */
export async function describeRelease(
  sourcePath: string,
  { id, at, signal }: { readonly id?: string; readonly at: Date; readonly signal?: AbortSignal },
): Promise<Release> {
  if (id !== undefined) checkReleaseId(id)
  const source = resolve(sourcePath)
  const stats = await statSource(source)
  const kind = stats.isDirectory() ? 'directory' : archiveKind(source)
  const sha256 =
    kind === 'directory' ? await hashSourceFolder(source, signal) : await hashSourceFile(source, stats.size, signal)
  return { id: id ?? defaultReleaseId(at, sha256), source, kind, sha256 }
}

async function statSource(source: string) {
  try {
    const stats = await stat(source)
    if (stats.isDirectory() || stats.isFile()) return stats
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new BatonError('release-source-missing', `there is no ${source} to release`, {
        hint: 'build the app first, or check release.source in baton.yaml',
      })
    }
    throw unreadable(source, error)
  }
  throw new BatonError('release-source-unsupported', `${source} is neither a folder nor a file`, {
    hint: 'name the folder or the archive with the app',
  })
}

function archiveKind(source: string): Release['kind'] {
  const name = source.toLowerCase()
  if (name.endsWith('.zip')) return 'zip'
  if (name.endsWith('.tar.gz') || name.endsWith('.tgz')) return 'tar.gz'
  if (name.endsWith('.war') || name.endsWith('.jar')) return 'file'
  throw new BatonError('release-source-unsupported', `${source} is no kind of archive that can be released`, {
    hint: 'name a folder, or a .zip, .tar.gz, .tgz, .war or .jar file',
  })
}

async function hashSourceFolder(source: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    const listing = await listFolder(source, { signal })
    if (!listing.some((line) => line.startsWith('file '))) throw empty(source)
    return hashListing(listing)
  } catch (error) {
    throw isSystemError(error) ? unreadable(source, error) : error
  }
}

async function hashSourceFile(source: string, size: number, signal: AbortSignal | undefined): Promise<string> {
  if (size === 0) throw empty(source)
  try {
    return await hashFile(source, signal)
  } catch (error) {
    throw isSystemError(error) ? unreadable(source, error) : error
  }
}

function empty(source: string): BatonError {
  return new BatonError('release-source-empty', `${source} is empty: there is nothing to release`, {
    hint: 'build the app first, or check release.source in baton.yaml',
  })
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

function unreadable(source: string, cause: unknown): BatonError {
  return new BatonError('release-source-unreadable', `${source} may not be read: ${(cause as Error).message}`, {
    hint: 'check its owner and mode, and who runs baton',
    cause,
  })
}
