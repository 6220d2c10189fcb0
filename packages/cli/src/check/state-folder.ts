import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checks } from './check.ts'
import { nearestFolder } from './folder.ts'
import { codeOf, ok, problem } from './verdict.ts'

/** Journals, the lock and the releases live there. */
export const stateFolderChecks: Checks = (_, { stateDir }) => [
  {
    id: 'state-folder',
    subject: stateDir,
    async run() {
      const found = await stat(stateDir).catch(() => undefined)
      if (found && !found.isDirectory()) return problem('is a file', 'move it away: Baton needs a folder of this name')
      const folder = await nearestFolder(stateDir)
      let probe: string | undefined
      try {
        // Asking for the permission is not enough: root has it on a file system that is mounted to be read only.
        probe = await mkdtemp(join(folder, '.baton-check-'))
        await writeFile(join(probe, 'probe'), 'probe')
        return ok(found ? 'can be written to' : 'can be made')
      } catch (error) {
        return problem(
          `${folder} cannot be written to (${codeOf(error)})`,
          'check its owner, its mode and the free space',
        )
      } finally {
        if (probe !== undefined) await rm(probe, { recursive: true, force: true })
      }
    },
  },
]
