import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { BatonError, type Release } from '@baton/core'
import { syncPath } from '../durable.ts'
import { explainDiskFull } from './disk-full.ts'
import { fillFolder } from './fill.ts'
import { checkReleaseId } from './id.ts'
import { listedPath, listFolder } from './listing.ts'
import { type Manifest, readManifest, removeManifest, writeManifest } from './manifest.ts'
import { makePartial, removeWhole, sweepPartials } from './partial.ts'
import type { UnpackLimits } from './unpack.ts'

export interface ReleaseStoreOptions {
  /** The node's folder, `<stateDir>/nodes/<node>`; absolute. */
  readonly dir: string
  /** Bounds of what an archive may unpack to. Default 200,000 entries and 4 GiB. */
  readonly limits?: Partial<UnpackLimits>
}

/**
 * The releases of one node on this host, in its folder:
 *
 *     releases/<id>/        what the app runs from: complete, or not there at all
 *     releases/<id>.json    the manifest it is verified against
 *     current               a symbolic link to releases/<id>
 *     shared/               kept across releases
 */
export interface ReleaseStore {
  /** Made by the first `stage`. */
  readonly sharedDir: string
  releaseDir(id: string): string
  /**
   * Copies or unpacks a release, checks it against its SHA-256, syncs it and renames it into place; one that is there
   * already, whole, is left alone. Fails with `release-source-missing`, `release-changed` (since it was described),
   * `release-id-taken` (by other contents), `disk-full` or one of the `archive-` codes, and then nothing of it stays.
   */
  stage(release: Release, signal: AbortSignal): Promise<void>
  /** Fails with `release-missing`, or with `release-damaged` when a file is not as it was staged; new files are the app's. */
  verify(id: string, signal: AbortSignal): Promise<void>
  /** Switches `current` over in one step. Fails with `release-missing`. */
  activate(id: string): Promise<void>
  /** What `current` names, or null. */
  current(): Promise<string | null>
  /** Ids of the complete releases, sorted. */
  list(): Promise<readonly string[]>
  /** Removes all others but the current one. */
  prune(keep: readonly string[]): Promise<void>
}

const defaultLimits: UnpackLimits = { maxEntries: 200_000, maxBytes: 4 * 1024 ** 3 }

export function createReleaseStore(options: ReleaseStoreOptions): ReleaseStore {
  const releasesDir = join(options.dir, 'releases')
  const sharedDir = join(options.dir, 'shared')
  const currentLink = join(options.dir, 'current')
  const limits = { ...defaultLimits, ...options.limits }
  const releaseDir = (id: string): string => join(releasesDir, id)

  /** The manifest of a complete release, or null. */
  const find = async (id: string): Promise<Manifest | null> => {
    checkReleaseId(id)
    return (await isFolder(releaseDir(id))) ? readManifest(releasesDir, id) : null
  }

  const current = async (): Promise<string | null> => {
    try {
      return basename(await readlink(currentLink))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  const list = async (): Promise<readonly string[]> => {
    const names = new Set(await readNames(releasesDir))
    return [...names].filter((name) => names.has(`${name}.json`)).sort()
  }

  /** True when the release is there already, whole; otherwise its place is cleared. */
  const isStaged = async (release: Release, signal: AbortSignal): Promise<boolean> => {
    const manifest = await find(release.id)
    if (manifest !== null && manifest.sha256 !== release.sha256) {
      throw new BatonError('release-id-taken', `release ${release.id} is there already, with other contents`, {
        hint: 'give this one another id with --release',
      })
    }
    if (manifest !== null && (await damageOf(manifest, releaseDir(release.id), signal)) === null) return true
    if (!(await isFolder(releaseDir(release.id)))) return false
    if ((await current()) === release.id) {
      throw new BatonError('release-damaged', `release ${release.id} is damaged, and current: it cannot be replaced`, {
        hint: 'deploy the same source under another id with --release',
      })
    }
    await removeWhole(releasesDir, release.id)
    return false
  }

  return {
    sharedDir,
    releaseDir,
    current,
    list,

    async stage(release, signal) {
      checkReleaseId(release.id)
      let partial: string | undefined
      try {
        await mkdir(releasesDir, { recursive: true })
        await mkdir(sharedDir, { recursive: true })
        await sweepPartials(releasesDir)
        if (await isStaged(release, signal)) return
        partial = await makePartial(releasesDir, release.id)
        const listing = await fillFolder(partial, release, { limits, signal })
        await writeManifest(releasesDir, { id: release.id, kind: release.kind, sha256: release.sha256, listing })
        await rename(partial, releaseDir(release.id))
        await syncPath(releasesDir)
      } catch (error) {
        if (partial !== undefined) await rm(partial, { recursive: true, force: true })
        throw explainDiskFull(error, { writing: `release ${release.id}`, dir: releasesDir })
      }
    },

    async verify(id, signal) {
      const manifest = await find(id)
      if (manifest === null) throw missing(id, releasesDir)
      const damage = await damageOf(manifest, releaseDir(id), signal)
      if (damage === null) return
      throw new BatonError('release-damaged', `release ${id} in ${releasesDir} is damaged: ${damage}`, {
        hint: 'deploy its source again under another id, or choose another release',
      })
    },

    async activate(id) {
      if ((await find(id)) === null) throw missing(id, releasesDir)
      if ((await current()) === id) return
      const next = `${currentLink}.${process.pid}.next`
      await rm(next, { force: true })
      await symlink(join('releases', id), next)
      await rename(next, currentLink)
      await syncPath(options.dir)
    },

    async prune(keep) {
      const kept = new Set([...keep, await current()])
      for (const id of await list()) {
        if (kept.has(id)) continue
        await removeWhole(releasesDir, id)
        await removeManifest(releasesDir, id)
      }
    },
  }
}

/** What differs from the manifest, for people; null where nothing does. */
async function damageOf(manifest: Manifest, dir: string, signal: AbortSignal): Promise<string | null> {
  const only = new Set(manifest.listing.map(listedPath))
  const found = new Set(await listFolder(dir, { signal, only }))
  const [first, ...more] = manifest.listing.filter((line) => !found.has(line))
  if (first === undefined) return null
  const others = more.length === 0 ? 'is' : `and ${more.length} more are`
  return `${listedPath(first)} ${others} not as staged`
}

function missing(id: string, releasesDir: string): BatonError {
  return new BatonError('release-missing', `there is no complete release ${id} in ${releasesDir}`, {
    hint: 'choose one that baton status lists, or deploy its source again',
  })
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function readNames(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
