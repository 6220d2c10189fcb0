import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Rig } from './rig.ts'

/** As an operator does: in baton.yaml, for the deploys to come. */
export async function setRollout(rig: Rig, rollout: string): Promise<void> {
  const file = join(rig.folder, 'baton.yaml')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/^rollout: .*$/m, `rollout: ${rollout}`))
}
