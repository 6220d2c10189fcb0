import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { recogniseApp } from './app.ts'
import { template } from './template.ts'
import { recogniseWar, warTemplate } from './war.ts'

export interface InitialConfig {
  /** Absolute path of the file that was written. */
  readonly file: string
  /** What was found in the folder, a line each, for people. */
  readonly recognised: string[]
}

/**
 * Writes a commented `name`, baton.yaml by default, for the app in the folder `dir`. Fails with `config-exists` where there
 * is one, unless `force` is set, and with `init-unwritable` where none can be written.
 */
export async function writeInitialConfig({
  dir,
  name = 'baton.yaml',
  force = false,
}: {
  dir: string
  name?: string
  force?: boolean
}): Promise<InitialConfig> {
  const war = await recogniseWar(dir)
  const app = await recogniseApp(dir)
  const file = join(dir, name)
  try {
    await writeFile(file, war === null ? template(app) : warTemplate(war), { flag: force ? 'w' : 'wx' })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'EEXIST') {
      throw new BatonError('config-exists', `there is a ${name} here already`, {
        hint: 'edit it, or write it anew with `baton init --force`',
        cause,
      })
    }
    throw new BatonError('init-unwritable', `${file} cannot be written (${code})`, {
      hint: 'check that the folder is there and may be written to',
      cause,
    })
  }
  return { file, recognised: [...(war ?? app).recognised] }
}
