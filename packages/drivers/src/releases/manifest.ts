import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError, type Release } from '@baton/core'
import { writeAtomically } from '../durable.ts'
import type { Listing } from './listing.ts'

/** What a staged release was made from and what it holds: what it is verified against. */
export interface Manifest {
  readonly id: string
  readonly kind: Release['kind']
  /** Of the source, hex. */
  readonly sha256: string
  readonly listing: Listing
}

/** Null where there is none. */
export async function readManifest(releasesDir: string, id: string): Promise<Manifest | null> {
  const path = manifestPath(releasesDir, id)
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    if (!(error instanceof SyntaxError)) throw error
    throw new BatonError('release-damaged', `the manifest of release ${id}, ${path}, is damaged`, {
      hint: 'deploy its source again under another id, or choose another release',
      cause: error,
    })
  }
}

export async function writeManifest(releasesDir: string, manifest: Manifest): Promise<void> {
  await writeAtomically(manifestPath(releasesDir, manifest.id), JSON.stringify(manifest, null, 1))
}

export async function removeManifest(releasesDir: string, id: string): Promise<void> {
  await rm(manifestPath(releasesDir, id), { force: true })
}

/** Beside the release, so that the app's folder holds the app alone. */
function manifestPath(releasesDir: string, id: string): string {
  return join(releasesDir, `${id}.json`)
}
