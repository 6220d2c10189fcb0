import { open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Checks } from './check.ts'
import { fileSizes } from './folder.ts'
import { codeOf, notChecked, ok, problem, type Verdict } from './verdict.ts'

export const releaseChecks: Checks = ({ release: { source } }, { dir }) => [
  {
    id: 'release',
    subject: source ?? 'release.source',
    async run(signal) {
      if (source === null) {
        return notChecked('release.source names nothing', 'name it there, or at each deploy: baton deploy SOURCE')
      }
      const path = resolve(dir, source)
      try {
        const stats = await stat(path)
        if (stats.isDirectory()) return await judgeFolder(path, signal)
        return stats.isFile() ? await judgeArchive(path) : problem('is no folder and no file', 'name one of these')
      } catch (error) {
        signal.throwIfAborted()
        return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
          ? problem('is not there', 'build the app first, or correct release.source')
          : problem(`cannot be read (${codeOf(error)})`, 'check its owner and mode, and who runs baton')
      }
    },
  },
]

async function judgeFolder(path: string, signal: AbortSignal): Promise<Verdict> {
  for await (const _ of fileSizes(path, signal)) return ok('a folder with files in it')
  return problem('is an empty folder', 'build the app first, or correct release.source')
}

const zip = Buffer.from('PK\u0003\u0004', 'latin1')
const gzip = Buffer.from([0x1f, 0x8b])
const kinds = [
  { suffixes: ['.zip', '.war', '.jar'], magic: zip, name: 'a zip archive' },
  { suffixes: ['.tar.gz', '.tgz'], magic: gzip, name: 'a gzip archive' },
]

async function judgeArchive(path: string): Promise<Verdict> {
  const kind = kinds.find(({ suffixes }) => suffixes.some((suffix) => path.toLowerCase().endsWith(suffix)))
  if (!kind) return problem('is no kind of archive', 'name a folder, or a .zip, .tar.gz, .tgz, .war or .jar')
  const start = await readStart(path, kind.magic.length)
  if (start.length === 0) return problem('is an empty file', 'build it again')
  return start.equals(kind.magic)
    ? ok(kind.name)
    : problem(`is not ${kind.name}, whatever its name says`, 'build it again')
}

async function readStart(path: string, length: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
