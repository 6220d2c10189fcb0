import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { BatonError, type Config, formatProblems, parseConfig } from '@baton/core'

/** A checked configuration and where it lives. */
export interface Workspace {
  readonly config: Config
  /** Absolute path of baton.yaml. */
  readonly file: string
  /** The folder of baton.yaml: relative paths in it start here. */
  readonly dir: string
  /** `<dir>/.baton`: journals, the lock, sockets, releases of local nodes. */
  readonly stateDir: string
}

/** Fails with `config-missing` or, naming every problem at once, with `config-invalid`. */
export async function openWorkspace(configFile: string): Promise<Workspace> {
  const file = resolve(configFile)
  const parsed = parseConfig(await read(file, configFile), configFile)
  if ('problems' in parsed) {
    const count = parsed.problems.length
    throw new BatonError(
      'config-invalid',
      `${configFile} has ${count} problem${count === 1 ? '' : 's'}, nothing was touched:`,
      {
        log: formatProblems(parsed.problems).trimEnd().split('\n'),
      },
    )
  }
  const dir = dirname(file)
  return { config: parsed.config, file, dir, stateDir: join(dir, '.baton') }
}

async function read(file: string, shown: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT') {
      throw new BatonError('config-missing', `there is no ${shown} here`, {
        hint: 'write one with `baton init`, or name another with --config FILE',
      })
    }
    throw new BatonError('config-missing', `${shown} cannot be read (${code})`, {
      hint: 'check its permissions',
      cause,
    })
  }
}
