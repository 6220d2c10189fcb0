import { access, chmod, rename, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { statePaths } from './paths.ts'

/**
 * Brings the socket that nginx has just bound to where it is asked, for its owner alone. nginx binds no path that exists:
 * what a killed nginx leaves behind would keep the next one from starting. Renamed, the socket still answers, and the path
 * is free again. The first request that nginx serves does the same; this is for before that.
 *
 * Does nothing where there is no new socket, or nobody listens on it.
 */
export async function takeSocket(stateDir: string): Promise<void> {
  const { listenSocket, adminSocket } = statePaths(stateDir)
  if (!(await exists(listenSocket))) return close(adminSocket)
  // `nginx -t` binds and removes it in passing, where it is free: only one that answers is nginx's own.
  if (!(await listens(listenSocket))) return
  try {
    await close(listenSocket)
    await rename(listenSocket, adminSocket)
  } catch (error) {
    // A worker was faster.
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** Asks nginx: one that is started in the middle of a call has a new socket. */
export async function whileTaking<T>(stateDir: string, ask: () => Promise<T>): Promise<T> {
  await takeSocket(stateDir)
  // What fails here, the call itself will meet and tell.
  const timer = setInterval(() => takeSocket(stateDir).catch(() => {}), LOOK_MS)
  return ask().finally(() => clearInterval(timer))
}

const LOOK_MS = 100

/** nginx opens its sockets to everybody, and a worker may not close what belongs to root. The folder keeps others out in any case. */
async function close(socketPath: string): Promise<void> {
  const found = await stat(socketPath).catch(() => null)
  if (found === null || (found.mode & 0o077) === 0) return
  await chmod(socketPath, 0o600).catch(ignoreForbidden)
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ANSWER_MS, () => settle(false))
    socket.on('error', () => settle(false))
    socket.on('data', () => settle(true))
    socket.on('end', () => settle(false))
    socket.write('GET /v1/configuration HTTP/1.0\r\n\r\n')
  })
}

const ANSWER_MS = 2_000

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function ignoreForbidden(error: unknown): void {
  if (codeOf(error) !== 'EPERM') throw error
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : ''
}
