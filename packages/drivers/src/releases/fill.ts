import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { BatonError, type Release } from '@baton/core'
import { copyFolder, copySynced } from './copy.ts'
import { hashFile, hashListing, type Listing, listFolder } from './listing.ts'
import { type UnpackLimits, unpackInto } from './unpack.ts'

/**
 * Brings a release's files into the empty folder `target`, syncs them and checks that they are what was described.
 * Resolves to what they are.
 */
export async function fillFolder(
  target: string,
  release: Release,
  options: { readonly limits: UnpackLimits; readonly signal: AbortSignal },
): Promise<Listing> {
  const { source, kind, sha256 } = release
  const before = await statSource(release)
  if (kind === 'directory') await copyFolder(source, target, options.signal)
  else if (kind === 'file') await copySynced(source, join(target, basename(source)), before.mode)
  else await unpackArchive(target, release, options)

  const listing = await listFolder(target, { signal: options.signal })
  const isAsDescribed = {
    directory: async () => hashListing(listing) === sha256,
    file: async () => listing.length === 1 && listing[0]?.endsWith(` ${sha256}`),
    // The contents were hashed before they were unpacked, so that nobody may have written to the archive since.
    zip: async () => sameFile(before, await statSource(release)),
    'tar.gz': async () => sameFile(before, await statSource(release)),
  }
  if (!(await isAsDescribed[kind]())) throw changed(release)
  return listing
}

async function unpackArchive(
  target: string,
  release: Release,
  { limits, signal }: { limits: UnpackLimits; signal: AbortSignal },
): Promise<void> {
  const { source, kind, sha256 } = release
  if ((await hashFile(source, signal)) !== sha256) throw changed(release)
  const tree = unpackInto(target, limits)
  // Most releases are folders: what reads archives is loaded for those who have one.
  if (kind === 'zip') await (await import('./zip.ts')).unpackZip(source, tree, { signal })
  else await (await import('./tar.ts')).unpackTarGz(source, tree, { limits, signal })
  if (tree.files === 0) {
    throw new BatonError('release-source-empty', `${source} holds no files`, {
      hint: 'build the app first, and pack it',
    })
  }
  await tree.sync()
}

interface FileState {
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
}

function sameFile(a: FileState, b: FileState): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs
}

async function statSource({ source }: Release): Promise<FileState & { readonly mode: number }> {
  try {
    const { ino, size, mtimeNs, mode } = await stat(source, { bigint: true })
    return { ino, size, mtimeNs, mode: Number(mode) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new BatonError('release-source-missing', `there is no ${source} to stage any more`, {
      hint: 'build the app again, then deploy again',
    })
  }
}

function changed({ id, source }: Release): BatonError {
  return new BatonError('release-changed', `${source} is not what was planned as release ${id}: it changed meanwhile`, {
    hint: 'wait until the build is finished, then deploy again',
  })
}
