import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { link, lstat, rename, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { BatonError } from '@baton/core'

/** sun_path of unix(7), its closing NUL not counted. */
const maxPathBytes = process.platform === 'linux' ? 107 : 103

/**
 * Listens on a unix socket of mode 0600. A socket that nobody answers on any more is replaced; one that answers is an
 * error, `already-running`.
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  const length = Buffer.byteLength(path)
  if (length > maxPathBytes) {
    throw new BatonError(
      'socket-path-too-long',
      `the socket's path has ${length} bytes, the system allows ${maxPathBytes}: ${path}`,
      {
        hint: 'keep baton.yaml in a folder with a shorter path',
      },
    )
  }
  for (;;) {
    const before = await identityOf(path)
    if (await tryListen(server, path)) return
    if (await answers(path)) {
      throw new BatonError('already-running', `a supervisor already answers on ${path}`, {
        hint: 'use that one (baton status), or stop its baton up first',
      })
    }
    await removeStale(path, before)
  }
}

/** Bound while the umask lets nobody else in, so that the socket is never open to others, not even for an instant. */
async function tryListen(server: Server, path: string): Promise<boolean> {
  const umask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(umask)
  }
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', () => settle(true))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}

/** Removes the socket that was found stale, but not one that another supervisor has bound in its place since. */
async function removeStale(path: string, stale: string | null): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (stale !== null && (await identityOf(aside)) !== stale) await link(aside, path)
  await unlink(aside)
}

async function identityOf(path: string): Promise<string | null> {
  try {
    const { ino, mtimeNs } = await lstat(path, { bigint: true })
    return `${ino} ${mtimeNs}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
