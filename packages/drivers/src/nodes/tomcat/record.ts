import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { BatonError } from '@baton/core'
import { writeAtomically } from '../../durable.ts'

/** What cannot be seen of a Tomcat itself. */
export interface TomcatRecord {
  /** `resting`: ended together with `baton up`, which starts it again. */
  readonly desired: 'running' | 'resting' | 'stopped'
  /** Times that it was started again since it was last told to start. */
  readonly restarts: number
  /** The last part of a path that nobody else can guess, where this Tomcat says whether its web application runs. */
  readonly secret: string
  /** Bytes of catalina.out that were there before the last start. */
  readonly logFrom: number
}

/** That of a node never started. */
export function newRecord(): TomcatRecord {
  return { desired: 'stopped', restarts: 0, secret: randomBytes(16).toString('hex'), logFrom: 0 }
}

/** Null where the node was never started. */
export async function readRecord(path: string): Promise<TomcatRecord | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new BatonError('tomcat-record-damaged', `${path} cannot be read: ${(error as Error).message}`, {
      hint: `stop this Tomcat by hand, remove ${path}, then try again`,
      cause: error,
    })
  }
}

export async function writeRecord(path: string, record: TomcatRecord): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(record, null, 2)}\n`)
}
