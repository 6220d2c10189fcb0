import { createReadStream } from 'node:fs'
import { Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { BatonError } from '@baton/core'
import { Parser, type ReadEntry } from 'tar'
import { archiveDamaged } from './damaged.ts'
import { type UnpackedTree, type UnpackLimits, unsafe } from './unpack.ts'

/** Unpacks a `.tar.gz` in one pass. Fails with `archive-unsafe`, `archive-damaged` or `archive-too-large`. */
export async function unpackTarGz(
  archive: string,
  tree: UnpackedTree,
  { limits, signal }: { readonly limits: UnpackLimits; readonly signal: AbortSignal },
): Promise<void> {
  const parser = new Parser({ strict: true })
  const stop = new AbortController()
  let refused: unknown
  let open: ReadEntry | undefined
  let unpacked = Promise.resolve()

  parser.on('entry', (entry: ReadEntry) => {
    // Told where its content is read; elsewhere nobody listens, and an error that nobody hears is thrown.
    entry.on('error', () => {})
    unpacked = unpacked.then(async () => {
      open = entry
      await unpackEntry(entry, tree)
    })
    unpacked.catch((error) => {
      refused ??= error
      stop.abort()
    })
  })
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    refused ??= unsafe(entry.path, `its type is ${entry.type}`)
    stop.abort()
  })

  try {
    await pipeline(createReadStream(archive), createGunzip(), boundedBytes(limits), parsing(parser), {
      signal: AbortSignal.any([signal, stop.signal]),
    })
    await unpacked
  } catch (error) {
    // The parser tells an entry nothing when the archive ends in its midst.
    open?.destroy(error)
    await unpacked.catch(() => {})
    signal.throwIfAborted()
    if (refused !== undefined) throw asArchiveError(archive, refused)
    throw asArchiveError(archive, error)
  }
}

async function unpackEntry(entry: ReadEntry, tree: UnpackedTree): Promise<void> {
  const { path, type, mode = 0o644, size, linkpath = '' } = entry
  switch (type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      if (path.endsWith('/')) throw unsafe(path, 'it is a file with the name of a folder')
      return tree.file(path, { size, mode }, entry)
    case 'Directory':
    case 'GNUDumpDir':
      entry.resume()
      return tree.directory(path)
    case 'SymbolicLink':
      entry.resume()
      return tree.symlink(path, linkpath)
    case 'Link':
      entry.resume()
      return tree.hardLink(path, linkpath)
    default:
      throw unsafe(path, `its type is ${type}`)
  }
}

/** Node's view of the parser, which speaks an older dialect of streams. */
function parsing(parser: Parser): Writable {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      if (parser.write(chunk)) done()
      else parser.once('drain', () => done())
    },
    final(done) {
      parser.once('end', () => done())
      parser.end()
    },
  })
  parser.on('error', (error: Error) => sink.destroy(error))
  return sink
}

/** The headers between files count too: an archive of endless headers ends as well. */
function boundedBytes({ maxBytes, maxEntries }: UnpackLimits): Transform {
  let left = maxBytes + maxEntries * 2048
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length
      if (left >= 0) return done(null, chunk)
      const hint = 'release a folder instead, or see what the archive holds'
      return done(new BatonError('archive-too-large', `the archive unpacks to more than ${maxBytes} bytes`, { hint }))
    },
  })
}

function asArchiveError(archive: string, error: unknown): unknown {
  if (error instanceof BatonError) return error
  const { code = '' } = error as NodeJS.ErrnoException
  return /^(Z_|TAR_)/.test(code) ? archiveDamaged(archive, error) : error
}
