import { join } from 'node:path'
import type { BatonEvent } from '@baton/core'
import { createFileJournals } from '@baton/drivers'

/** Everything that the newest deploy in a rig's folder has written down; empty where there is none. */
export async function newestJournal(folder: string): Promise<readonly BatonEvent[]> {
  const journals = createFileJournals({ dir: join(folder, '.baton', 'deploys') })
  const newest = (await journals.list()).at(-1)
  return newest === undefined ? [] : journals.read(newest)
}
