import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { inParallel } from './parallel.ts'
import { type FolderEntry, type WalkOptions, walkFolder } from './walk.ts'

/**
 * What a folder holds: a line for each entry with all that counts, sorted by path. The path and a link's target are JSON
 * strings, hashes are hex:
 *
 *     directory "lib"
 *     file "lib/start.sh" x 312 9f86d081884c7d65…       x: its owner may execute it, else -
 *     symlink "start" "lib/start.sh"
 */
export type Listing = readonly string[]

export async function listFolder(
  root: string,
  { signal, only }: WalkOptions & { readonly signal?: AbortSignal },
): Promise<Listing> {
  const entries: FolderEntry[] = []
  for await (const entry of walkFolder(root, { only })) entries.push(entry)
  entries.sort((a, b) => (a.path < b.path ? -1 : 1))
  const lines: string[] = []
  await inParallel([...entries.entries()], async ([index, entry]) => {
    signal?.throwIfAborted()
    lines[index] = await listingLine(root, entry, signal)
  })
  return lines
}

/** Hex SHA-256. */
export function hashListing(listing: Listing): string {
  const hash = createHash('sha256')
  for (const line of listing) hash.update(`${line}\n`)
  return hash.digest('hex')
}

/** Hex SHA-256. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), hash, { signal })
  return hash.digest('hex')
}

/** The path in a line. */
export function listedPath(line: string): string {
  return JSON.parse(/"(?:[^"\\]|\\.)*"/.exec(line)?.[0] ?? '""')
}

async function listingLine(root: string, entry: FolderEntry, signal: AbortSignal | undefined): Promise<string> {
  const path = JSON.stringify(entry.path)
  switch (entry.type) {
    case 'directory':
      return `directory ${path}`
    case 'symlink':
      return `symlink ${path} ${JSON.stringify(entry.target)}`
    case 'file': {
      const sha256 = await hashFile(join(root, entry.path), signal)
      return `file ${path} ${entry.mode & 0o100 ? 'x' : '-'} ${entry.size} ${sha256}`
    }
  }
}
