import { stat } from 'node:fs/promises'
import { BatonError } from '@baton/core'

/** What the system's terse answer to a failed spawn means: `command-not-found`, `command-not-executable`, `folder-missing`. */
export async function explainSpawnError(
  error: NodeJS.ErrnoException,
  { program, cwd, path }: { program: string; cwd: string | undefined; path: string | undefined },
): Promise<BatonError> {
  // The system says ENOENT for a missing folder too.
  if (error.code === 'ENOENT' && cwd !== undefined && !(await isDirectory(cwd))) {
    return new BatonError('folder-missing', `cannot run ${program}: there is no folder ${cwd}`, { cause: error })
  }
  if (error.code === 'ENOENT') {
    const where = program.includes('/') ? `in ${cwd ?? process.cwd()}` : `in PATH=${path ?? ''}`
    return new BatonError('command-not-found', `command not found: ${program} (looked ${where})`, {
      hint: program.includes('/')
        ? `check the path of ${program} and, if it is a script, of the interpreter in its first line`
        : `install ${program}, or write its full path`,
      cause: error,
    })
  }
  if (error.code === 'EACCES') {
    return new BatonError('command-not-executable', `${program} may not be executed`, {
      hint: `make it executable: chmod +x ${program}`,
      cause: error,
    })
  }
  return new BatonError('command-failed', `cannot run ${program}: ${error.message}`, { cause: error })
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
