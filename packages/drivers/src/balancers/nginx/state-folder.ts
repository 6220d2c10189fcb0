import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { BatonError } from '@baton/core'
import { statePaths } from './paths.ts'

export interface WorkerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** Every group of the user, as nginx takes them all on. */
  readonly gids: readonly number[]
}

/** sun_path of unix(7), its closing NUL not counted. */
const longestSocketPathBytes = 107

/** Made for its owner alone, since nginx makes its sockets open to all. Fails with `socket-path-too-long`. */
export async function makeStateFolder(dir: string): Promise<void> {
  const socketPath = statePaths(dir).listenSocket
  const bytes = Buffer.byteLength(socketPath)
  if (bytes > longestSocketPathBytes) {
    const message = `the path of nginx's socket has ${bytes} bytes, the system allows ${longestSocketPathBytes}: ${socketPath}`
    throw new BatonError('socket-path-too-long', message, { hint: 'set balancer.state to a shorter path' })
  }
  await mkdir(dirname(dir), { recursive: true })
  await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await chmod(dir, 0o700)
}

/**
 * Gives the folder to nginx's workers, which write in it, when root installs for them. Fails with
 * `nginx-state-unreachable` where they may not pass a folder above it.
 */
export async function giveToWorkers(dir: string, { user, name }: { user: WorkerUser; name: string }): Promise<void> {
  const blocked = await firstBlocked(dirname(dir), user)
  if (blocked !== null) {
    const message = `nginx's workers run as ${user.name}, who may not pass ${blocked} on the way to ${dir}`
    throw new BatonError('nginx-state-unreachable', message, {
      hint: `set balancer.state: /var/lib/baton/${name} in baton.yaml`,
    })
  }
  await chown(dir, user.uid, user.gid)
}

/** Takes back what workers owned in the other mode: who writes there has a say in the configuration. */
export async function keepFromWorkers(dir: string): Promise<void> {
  if (process.geteuid?.() === 0) await chown(dir, 0, 0)
}

/** null where workers run as whoever starts nginx, since only root can start them as somebody else. */
export async function workerUser(name: string): Promise<WorkerUser | null> {
  if (process.geteuid?.() !== 0) return null
  try {
    const [uid = '', gid = '', gids = ''] = await Promise.all(['-u', '-g', '-G'].map((option) => askId(option, name)))
    return { name, uid: Number(uid), gid: Number(gid), gids: gids.split(/\s+/).map(Number) }
  } catch (error) {
    throw new BatonError('unknown-user', `nginx's workers are to run as ${name}, whom this system does not know`, {
      hint: 'see the `user` directive of nginx.conf',
      cause: error,
    })
  }
}

/** The uppermost folder that the user may not pass; null where the whole way is free. */
export async function firstBlocked(dir: string, user: Pick<WorkerUser, 'uid' | 'gids'>): Promise<string | null> {
  const above = dirname(dir)
  const blocked = above === dir ? null : await firstBlocked(above, user)
  if (blocked !== null) return blocked
  const { mode, uid, gid } = await stat(dir)
  if (user.uid === 0) return null
  const bit = uid === user.uid ? 0o100 : user.gids.includes(gid) ? 0o010 : 0o001
  return (mode & bit) === 0 ? dir : null
}

async function askId(option: string, name: string): Promise<string> {
  return (await promisify(execFile)('id', [option, name])).stdout.trim()
}
