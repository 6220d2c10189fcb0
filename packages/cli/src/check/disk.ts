import { stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Checks } from './check.ts'
import { fileSizes, nearestFolder } from './folder.ts'
import { notChecked, ok, problem, warning } from './verdict.ts'

/** Every node keeps the releases that can be gone back to, the current one and, while it is rolled out, the next. */
export const diskChecks: Checks = ({ release, nodes }, { dir, stateDir }) => [
  {
    id: 'disk',
    subject: stateDir,
    async run(signal) {
      if (release.source === null) return notChecked('release.source names nothing', 'name a release there')
      const size = await sizeOf(resolve(dir, release.source), signal)
      if (size === undefined) return notChecked(`${release.source} is not there`, 'build the app first')
      const { bavail, bsize } = await statfs(await nearestFolder(stateDir))
      const kept = (await sizeOf(join(stateDir, 'nodes'), signal)) ?? 0
      const next = size * nodes.length
      return judgeDisk({ free: bavail * bsize, next, inAll: Math.max(next, next * (release.keep + 1) - kept) })
    },
  },
]

/** In bytes: what is free, what the next deploy needs, and what all the releases to be kept will need. */
export function judgeDisk({ free, next, inAll }: { free: number; next: number; inAll: number }) {
  if (free < next) {
    return problem(
      `the next release needs ${spell(next)}, ${spell(free)} are free`,
      'free some space, or lower release.keep',
    )
  }
  if (free < inAll) {
    const message = `all releases that are kept will need ${spell(inAll)} more, ${spell(free)} are free`
    return warning(message, 'free some space, or lower release.keep')
  }
  return ok(`${spell(free)} free, ${spell(inAll)} needed at most`)
}

async function sizeOf(path: string, signal: AbortSignal): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) return found?.size
  let size = 0
  for await (const each of fileSizes(path, signal)) size += each
  return size
}

function spell(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
