import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncPath } from '../../releases/durable.ts'

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
  const goodPath = hidden(path, 'good')
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

/** Beside the file, where only its owner writes, and with a leading dot, which the `*` of an include does not match. */
function hidden(path: string, suffix: string): string {
  return join(dirname(path), `.${basename(path)}.${suffix}`)
}

/** Replaces a file as a whole, made with its folder if need be; readable for everybody. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  const temporary = hidden(path, randomBytes(6).toString('hex'))
  try {
    const file = await open(temporary, 'wx', 0o644)
    try {
      // Readable for everybody's `nginx -t`, as the files around it, whatever the umask.
      await file.chmod(0o644)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncPath(dirname(path))
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
