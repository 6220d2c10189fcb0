import { access, chmod, rename } from 'node:fs/promises'
import { connect } from 'node:net'
import { dynamicPaths } from './paths.ts'

/**
 * Brings the socket that nginx has just bound to where it is asked, for its owner alone. nginx binds no path that exists:
 * what a killed nginx leaves behind would keep the next one from starting. Renamed, the socket still answers, and the path
 * is free again. The first request that nginx serves does the same; this is for before that.
 *
 * Does nothing where there is no new socket, or nobody listens on it.
 */
export async function takeSocket(stateDir: string): Promise<void> {
  const { listenSocket, adminSocket } = dynamicPaths(stateDir)
  if (!(await exists(listenSocket))) return
  // `nginx -t` binds and removes it in passing, where it is free: only one that answers is nginx's own.
  if (!(await listens(listenSocket))) return
  try {
    // May belong to root while this is run by the owner of the folder, which keeps others out in any case.
    await chmod(listenSocket, 0o600).catch(ignoreForbidden)
    await rename(listenSocket, adminSocket)
  } catch (error) {
    // A worker was faster.
    if (codeOf(error) !== 'ENOENT') throw error
  }
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
