import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { BatonError } from '@baton/core'
import yauzl from 'yauzl'
import { archiveDamaged } from './damaged.ts'
import { type UnpackedTree, unsafe } from './unpack.ts'

/** Unpacks a `.zip`. Fails with `archive-unsafe`, `archive-damaged` or `archive-too-large`. */
export async function unpackZip(
  archive: string,
  tree: UnpackedTree,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  try {
    const zip = await openZip(archive)
    try {
      for (let entry = await nextEntry(zip); entry !== null; entry = await nextEntry(zip)) {
        signal.throwIfAborted()
        await unpackEntry(zip, entry, tree, signal)
      }
    } finally {
      zip.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    throw asArchiveError(archive, error)
  }
}

/** The content of one file in a zip, or null where it has none of that name. Fails as `unpackZip`. */
export async function readZipEntry(
  archive: string,
  name: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Buffer | null> {
  try {
    const zip = await openZip(archive)
    try {
      for (let entry = await nextEntry(zip); entry !== null; entry = await nextEntry(zip)) {
        signal.throwIfAborted()
        if (entry.fileName !== name) continue
        const content: Buffer[] = []
        for await (const chunk of contentOf(zip, entry, signal)) content.push(chunk)
        return Buffer.concat(content)
      }
      return null
    } finally {
      zip.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    throw asArchiveError(archive, error)
  }
}

async function unpackEntry(zip: yauzl.ZipFile, entry: yauzl.Entry, tree: UnpackedTree, signal: AbortSignal) {
  const { fileName: name, uncompressedSize: size } = entry
  const { type, mode } = unixMode(entry)
  if (entry.isEncrypted()) throw unsafe(name, 'it is encrypted')
  if (name.endsWith('/')) return tree.directory(name)
  if (type === fileTypes.symlink) {
    if (size > 4096) throw unsafe(name, 'it is a link with too long a target')
    const target: Buffer[] = []
    for await (const chunk of contentOf(zip, entry, signal)) target.push(chunk)
    return tree.symlink(name, Buffer.concat(target).toString('utf8'))
  }
  if (type !== 0 && type !== fileTypes.file) throw unsafe(name, 'it is neither a file, a folder nor a link')
  return tree.file(name, { size, mode }, contentOf(zip, entry, signal))
}

/** The type bits of inode(7). */
const fileTypes = { file: 0o100000, symlink: 0o120000 }

/** The file's type and permissions, which zips made on Unix keep in the upper half of the external attributes. */
function unixMode(entry: yauzl.Entry): { type: number; mode: number } {
  const bits = entry.externalFileAttributes >>> 16
  return { type: bits & 0o170000, mode: bits === 0 ? 0o644 : bits & 0o777 }
}

/**
 * yauzl bounds the size to what the entry declares; the checksum is ours to compare. Opened when it is first read, not
 * before: an error of a stream that nobody reads yet would go unheard, and end the process.
 */
async function* contentOf(zip: yauzl.ZipFile, entry: yauzl.Entry, signal: AbortSignal): AsyncGenerator<Buffer> {
  let sum = 0
  for await (const chunk of await openEntry(zip, entry)) {
    signal.throwIfAborted()
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== entry.crc32) throw new ZipDamage(`the checksum of ${entry.fileName} does not match`)
}

class ZipDamage extends Error {}

function openZip(archive: string): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(archive, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) reject(error)
      else resolve(zip)
    })
  })
}

function nextEntry(zip: yauzl.ZipFile): Promise<yauzl.Entry | null> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      zip.off('entry', onEntry).off('end', onEnd).off('error', onError)
      act()
    }
    const onEntry = (entry: yauzl.Entry) => settle(() => resolve(entry))
    const onEnd = () => settle(() => resolve(null))
    const onError = (error: Error) => settle(() => reject(error))
    zip.on('entry', onEntry).on('end', onEnd).on('error', onError)
    zip.readEntry()
  })
}

function openEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) reject(error)
      else resolve(stream)
    })
  })
}

/** yauzl's errors have no codes: those of the system do, and of the rest those about names begin like this. */
function asArchiveError(archive: string, error: unknown): unknown {
  if (error instanceof BatonError || !(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined && !code.startsWith('Z_')) return error
  const name = /^(?:invalid relative path|absolute path|invalid characters in fileName): (.*)$/s.exec(
    error.message,
  )?.[1]
  return name === undefined ? archiveDamaged(archive, error) : unsafe(name, 'its path leads out of the release')
}
