import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type AdapterOptions, SessionHolder } from './holder.ts'
import { refusalOf } from './refusal.ts'
import type { Session, SessionAttributes } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface UpgradeSession<A extends object = SessionAttributes> {
  /** As it is now. While the connection is open, `update` and `save` write at once; nothing else does. */
  readonly session: Session<A>
  /**
   * To be awaited before the 101 is sent: writes what changed. Gives the header lines that the 101 is to carry, e.g.
   * `Set-Cookie: JSESSIONID=…`. Rejects with SessionError; then the upgrade is to be refused.
   */
  commit(): Promise<readonly string[]>
}

/**
 * Opens the session of a request that is to become a WebSocket, or anything else that HTTP upgrades to: for the `upgrade`
 * event of any Node.js server. With ws:
 *
 *     server.on('upgrade', async (req, socket, head) => {
 *       try {
 *         const { session, commit } = await openUpgrade(sessions, req)
 *         if (session.principal === undefined) return refuseUpgrade(socket, 401)
 *         const lines = await commit()
 *         wss.once('headers', (headers) => headers.push(...lines))
 *         wss.handleUpgrade(req, socket, head, (ws) => wss.emit('connection', ws, req))
 *       } catch (error) {
 *         refuseUpgrade(socket, error)
 *       }
 *     })
 *
 * Rejects with SessionError if the store cannot say whether there is a session.
 */
export async function openUpgrade<A extends object = SessionAttributes>(
  sessions: Sessions,
  req: IncomingMessage,
  options: Pick<AdapterOptions, 'mode'> = {},
): Promise<UpgradeSession<A>> {
  const holder = new SessionHolder(sessions, req)
  const session = (await holder.loaded(options.mode)) as Session<A>
  req.socket.once('close', () => holder.ended())
  return {
    session,
    async commit() {
      await holder.commit()
      return holder.cookies().map((cookie) => `Set-Cookie: ${cookie}`)
    },
  }
}

/** Answers an upgrade with a status, or with that of an error (503 with Retry-After, the cookie as it is), and hangs up. */
export function refuseUpgrade(socket: Duplex, reason: unknown): void {
  const { status, headers, body } =
    typeof reason === 'number' ? { status: reason, headers: {}, body: '' } : refusalOf(reason)
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' })
  socket.end(
    `HTTP/1.1 ${status} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  )
}
