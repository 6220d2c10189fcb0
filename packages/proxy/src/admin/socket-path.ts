import { lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { ProxyError, systemCode } from '../errors.ts'

/*
 * Every process listens on a socket of its own, `<admin>.<pid>`, and `<admin>` is a symbolic link to that of the process
 * in charge. A successor takes over by renaming its link into place: there is no instant without an admin API, and the
 * process that is being replaced can still be reached while it drains.
 */

/** The socket of one process. */
export function ownSocketPath(admin: string, pid: number): string {
  return `${admin}.${pid}`
}

/** The sockets of all processes that have lived at this admin path, dead ones included, by pid. */
export function findSockets(admin: string): ReadonlyMap<number, string> {
  const prefix = `${basename(admin)}.`
  const sockets = new Map<number, string>()
  for (const name of readdirSync(folderOf(admin))) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (/^\d+$/.test(pid)) sockets.set(Number(pid), join(dirname(admin), name))
  }
  return sockets
}

/**
 * Listens on a unix socket that is mode 0600 from its first instant on. Fails with `admin-path-too-long` where the
 * platform would cut the path off (unix(7): sun_path).
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  const longest = process.platform === 'linux' ? 107 : 103
  if (Buffer.byteLength(path) > longest) {
    throw new ProxyError(
      'admin-path-too-long',
      `the admin socket ${path} is ${Buffer.byteLength(path)} bytes long, this platform allows ${longest}: use a shorter folder, for example in /run or /tmp`,
    )
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', resolve)
    // The socket is bound before listen returns, under this mask.
    const mask = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(mask)
    }
  })
}

/** Points `<admin>` to this socket, at once. */
export function publishSocket(admin: string, socket: string): void {
  refuseForeignFile(admin)
  const link = `${socket}.link`
  rmSync(link, { force: true })
  symlinkSync(basename(socket), link)
  renameSync(link, admin)
}

/** Removes `<admin>` unless it is another's by now. */
export function withdrawSocket(admin: string, socket: string): void {
  try {
    if (readlinkSync(admin) === basename(socket)) rmSync(admin)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EINVAL') throw error
  }
}

/** Fails with `admin-path-taken` where the path is a file or a folder: only sockets and links are ever replaced. */
export function refuseForeignFile(admin: string): void {
  const found = lstatSync(admin, { throwIfNoEntry: false })
  if (found === undefined || found.isSymbolicLink() || found.isSocket()) return
  throw new ProxyError('admin-path-taken', `${admin} exists and is no socket: remove it, or choose another path`)
}

function folderOf(admin: string): string {
  const folder = dirname(admin)
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
    throw new ProxyError('admin-folder-missing', `the folder ${folder} of the admin socket does not exist: create it`)
  }
  return folder
}
