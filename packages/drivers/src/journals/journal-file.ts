import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BatonError, type BatonEvent, type Journal } from '@baton/core'
import { syncPath } from '../durable.ts'
import { claimOf, createHistory, lineOf } from './history.ts'

/**
 * Opens a journal to append under `token`: a torn last line is cut off, and a journal that an older token began is
 * claimed. Appends are taken one at a time, each of them one write and one fdatasync.
 *
 * Fails with `stale-token` when a newer token has written, here or in any later append; with `journal-out-of-order` for
 * an event that is not the next one; with `journal-failed` after an append whose outcome the disk left open.
 */
export async function openJournalFile(options: {
  readonly path: string
  readonly deploy: string
  readonly token: number
}): Promise<Journal> {
  const { path, deploy, token } = options
  const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600)
  const history = createHistory({ path, deploy })
  let tail: Promise<unknown> = Promise.resolve()
  let failure: unknown

  /** Reads what this handle has not seen yet: its own last line, and whatever a former holder wrote meanwhile. */
  async function catchUp(): Promise<void> {
    const { size } = await file.stat()
    if (size < history.end) throw new BatonError('journal-damaged', `${path} was cut short`, { hint: 'baton status' })
    history.push(await readExactly(file, { position: history.end, length: size - history.end }))
    if (history.token > token) throw stale()
    if (history.end === size) return
    await file.truncate(history.end)
    await file.datasync()
  }

  async function write(line: string): Promise<void> {
    const bytes = Buffer.from(line)
    try {
      const { bytesWritten } = await file.write(bytes)
      if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`)
      await file.datasync()
    } catch (cause) {
      failure = cause
      throw failed()
    }
  }

  async function append(event: BatonEvent): Promise<void> {
    if (failure !== undefined) throw failed()
    await catchUp()
    if (event.deploy !== deploy || event.seq !== history.seq + 1) {
      const due = `event ${history.seq + 1} of deploy ${deploy} is due`
      throw new BatonError('journal-out-of-order', `${path}: ${due}, not event ${event.seq} of ${event.deploy}`, {
        hint: 'read the journal again: baton resume',
      })
    }
    await write(lineOf(event, token))
  }

  function stale(): BatonError {
    const message = `${path}: token ${history.token} has taken over from token ${token}`
    return new BatonError('stale-token', message, { hint: 'see who runs a deploy now: baton status' })
  }

  function failed(): BatonError {
    const reason = failure instanceof Error ? failure.message : String(failure)
    return new BatonError('journal-failed', `${path} could not be written: ${reason}`, {
      hint: 'free or repair the disk, then go on with baton resume',
      cause: failure,
    })
  }

  try {
    await catchUp()
    if (history.end === 0) await syncPath(dirname(path))
    else if (history.token < token) await write(claimOf(token))
  } catch (error) {
    await file.close()
    throw error
  }

  return {
    append(event) {
      const appended = tail.then(() => append(event))
      tail = appended.catch(() => {})
      return appended
    },
    async close() {
      await tail
      await file.close()
    },
  }
}

async function readExactly(file: FileHandle, range: { position: number; length: number }): Promise<Buffer> {
  const bytes = Buffer.alloc(range.length)
  let filled = 0
  while (filled < range.length) {
    const { bytesRead } = await file.read(bytes, filled, range.length - filled, range.position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
