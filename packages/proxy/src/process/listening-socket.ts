import { lookup } from 'node:dns/promises'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { ProxyError } from '../errors.ts'

/**
 * A bound TCP socket that nobody accepts from yet. Whoever holds it keeps it open: once one process has listened on it,
 * connections wait in its backlog while that process is replaced or has crashed. Sent to a child with `child.send`,
 * listened on with `server.listen`.
 */
export interface BoundSocket {
  readonly address: Address
  readonly handle: SocketHandle
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Node's own object around the file descriptor; `server.listen` and `child.send` take it. */
export interface SocketHandle {
  getsockname(out: { address?: string; port?: number }): number
  close(): void
}

/**
 * Binds without listening. Node has no public way to: a `net.Server` would accept connections in this process. This is
 * what node:cluster itself binds with. undefined where this Node does not have it: then whoever serves binds for itself, and
 * restarts refuse connections for a moment. Fails with `listen-failed`.
 */
export async function bindSocket(at: Address): Promise<BoundSocket | undefined> {
  const { host, port } = at
  const bind = (net as unknown as { _createServerHandle?: BindHandle })._createServerHandle
  if (bind === undefined) return undefined
  const { address, family } = await lookup(host).catch((error: NodeJS.ErrnoException) => {
    throw listenFailed(at, error.code ?? error.message)
  })
  const handle = bind(address, port, family === 6 ? 6 : 4)
  if (typeof handle === 'number') throw listenFailed(at, handle)
  // libuv reports an address in use only now.
  const name: { address?: string; port?: number } = {}
  const failure = handle.getsockname(name)
  if (failure !== 0) {
    handle.close()
    throw listenFailed(at, failure)
  }
  return { address: { host, port: name.port ?? port }, handle }
}

/** The socket of a server that listens; for handing it to a successor. */
export function handleOf(server: net.Server): SocketHandle | undefined {
  return (server as unknown as { _handle?: SocketHandle })._handle
}

/** Resolves when connections are accepted. Fails with `listen-failed`. */
export async function listen(server: net.Server, at: Address & { readonly handle?: SocketHandle }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailed(at, error.code ?? error.message)))
    server.once('listening', resolve)
    if (at.handle === undefined) server.listen({ host: at.host, port: at.port, backlog })
    else server.listen(at.handle, backlog)
  })
}

type BindHandle = (host: string, port: number, family: 4 | 6) => SocketHandle | number

/** Connections that wait while nobody accepts. The system may allow fewer (Linux: net.core.somaxconn). */
const backlog = 4096

function listenFailed({ host, port }: Address, reason: number | string): ProxyError {
  const code = typeof reason === 'number' ? getSystemErrorName(reason) : reason
  const address = `${host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return new ProxyError(
        'listen-failed',
        `${address} is taken by another process: stop it, or set another balancer.listen (to find it: ss -ltnp "sport = :${port}")`,
      )
    case 'EACCES':
      return new ProxyError('listen-failed', `${address} needs more rights than this user has: use a port above 1023`)
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
      return new ProxyError('listen-failed', `${host} is no address of this machine: correct balancer.listen`)
    default:
      return new ProxyError('listen-failed', `cannot listen on ${address} (${code}): correct balancer.listen`)
  }
}
