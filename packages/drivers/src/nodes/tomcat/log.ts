import { open } from 'node:fs/promises'
import { createAppLog } from '../../supervisor/app-log.ts'

const readBytes = 256 * 1024
const mostLines = 20

/** catalina.out: rotated by copying, since Tomcat keeps it open. */
export function tomcatLog(path: string) {
  return createAppLog(path, { maxBytes: 10_000_000, keep: 5 })
}

/**
 * What a Tomcat said of its failure since the byte `from` of its log: errors and their causes, without the stack traces
 * between them; its last lines where it named none.
 */
export async function wordsOfFailure(path: string, from: number): Promise<readonly string[]> {
  const lines = await linesSince(path, from)
  const telling = lines.filter(
    (line) => / SEVERE /.test(line) || /^\s*(Caused by: |[\w.$]*(Exception|Error)\b)/.test(line),
  )
  return (telling.length > 0 ? telling : lines).slice(-mostLines)
}

async function linesSince(path: string, from: number): Promise<readonly string[]> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return []
  try {
    const { size } = await file.stat()
    // Shorter than it was: rotated meanwhile.
    const start = Math.max(size < from ? 0 : from, size - readBytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    return buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .filter((line) => line.trim() !== '')
  } finally {
    await file.close()
  }
}

/** Bytes in the log; 0 where there is none. */
export async function logSize(path: string): Promise<number> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return 0
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}
