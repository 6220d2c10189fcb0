import { mkdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { writeAtomically } from '../../durable.ts'

/** The one file that Baton has in nginx's configuration, and a copy of the last one that nginx is known to accept. */
export interface ConfigFile {
  readonly path: string
  /** null where there is none. */
  read(): Promise<string | null>
  /** Replaces it as a whole: nginx, whenever it reads, finds the old text or the new one. */
  write(text: string): Promise<void>
  /** What stands there now is good. */
  keep(): Promise<void>
  /** Puts the last good text back, which may mean that there is no file; resolves with that text. */
  restore(): Promise<string | null>
}

export function createConfigFile(path: string): ConfigFile {
  // Beside it, where only its owner writes, and with a leading dot, which the `*` of an include does not match.
  const goodPath = join(dirname(path), `.${basename(path)}.good`)
  return {
    path,
    read: () => readIfThere(path),
    write: (text) => replaceFile(path, text),

    async keep() {
      const text = await readIfThere(path)
      if (text !== null) await replaceFile(goodPath, text)
    },

    async restore() {
      const good = await readIfThere(goodPath)
      if (good === null) await rm(path, { force: true })
      else await replaceFile(path, good)
      return good
    },
  }
}

/** Replaces a file as a whole, made with its folder if need be; readable for everybody's `nginx -t`, as the files around it. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeAtomically(path, text, { mode: 0o644 })
}

/** null where there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
