import { appendFile, copyFile, mkdir, open, rename, stat, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface AppLogOptions {
  /** Rotated when larger. */
  readonly maxBytes: number
  /** Rotated files kept beside the current one, `<path>.1` the newest. */
  readonly keep: number
}

/**
 * An app's log. The app writes to the file itself, not into a pipe, so that it outlives the supervisor. It therefore keeps
 * the file open: rotation copies and truncates it, for after a rename the app would go on writing to the old one. The app
 * appends (O_APPEND), so its next line lands at the new end. What it writes in the instant between copy and truncation
 * is lost.
 */
export interface AppLog {
  /** A descriptor to give to an app; the caller closes it. */
  open(): Promise<{ readonly fd: number; close(): Promise<void> }>
  /** A line of Baton's own among the app's. */
  note(text: string): Promise<void>
  rotateIfLarge(): Promise<void>
}

export function createAppLog(path: string, { maxBytes, keep }: AppLogOptions): AppLog {
  return {
    async open() {
      await mkdir(dirname(path), { recursive: true })
      return open(path, 'a', 0o600)
    },

    async note(text) {
      await mkdir(dirname(path), { recursive: true })
      await appendFile(path, `[baton] ${new Date().toISOString()} ${text}\n`, { mode: 0o600 })
    },

    async rotateIfLarge() {
      if ((await sizeOf(path)) <= maxBytes) return
      for (let index = keep - 1; index >= 1; index--) await renameIfThere(`${path}.${index}`, `${path}.${index + 1}`)
      await copyFile(path, `${path}.1`)
      await truncate(path)
    },
  }
}

const tailBytes = 256 * 1024

/** The last lines of a log, oldest first, those before its last rotation included; empty where there is none. */
export async function readLogTail(path: string, lines: number): Promise<readonly string[]> {
  const current = await readLastLines(path)
  const all = current.length < lines ? [...(await readLastLines(`${path}.1`)), ...current] : current
  return lines > 0 ? all.slice(-lines) : []
}

async function readLastLines(path: string): Promise<readonly string[]> {
  const size = await sizeOf(path)
  if (size === 0) return []
  const file = await open(path, 'r')
  try {
    const from = Math.max(0, size - tailBytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from)
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n')
    if (lines.at(-1) === '') lines.pop()
    return from === 0 ? lines : lines.slice(1)
  } finally {
    await file.close()
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
