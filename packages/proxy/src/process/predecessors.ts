import { type AdminCall, callAdmin } from '../admin/client.ts'
import { ProxyError, systemCode } from '../errors.ts'
import { isGone, thisProcessOnly } from './peers.ts'

interface NodeCounts {
  readonly inflight: number
  readonly longLived: number
}

/**
 * The processes that this one has replaced and that still finish requests. While there are any, what is in flight on a
 * node is the sum of all, and what is asked for holds for all.
 */
export interface Predecessors {
  /** What they have in flight, by node. Fails with `predecessor-silent`: a number that may be too low is never given. */
  counts(): Promise<ReadonlyMap<string, NodeCounts>>
  /** Resolves when each of them has done it, or is gone. */
  tell(call: Pick<AdminCall, 'method' | 'path' | 'body'> & { readonly token: number }): Promise<void>
}

const patienceMs = 5_000

export function createPredecessors(sockets: readonly string[]): Predecessors {
  const alive = new Set(sockets)

  return {
    async counts() {
      const sums = new Map<string, NodeCounts>()
      for (const answer of await askAll({ method: 'GET', path: '/v1/nodes' })) {
        const { nodes } = answer as { nodes: readonly ({ readonly id: string } & NodeCounts)[] }
        for (const { id, inflight, longLived } of nodes) {
          const sum = sums.get(id)
          sums.set(id, {
            inflight: inflight + (sum?.inflight ?? 0),
            longLived: longLived + (sum?.longLived ?? 0),
          })
        }
      }
      return sums
    },

    async tell({ token, ...call }) {
      await askAll({ ...call, headers: { 'baton-token': String(token) } })
    },
  }

  async function askAll(call: Omit<AdminCall, 'timeoutMs'>): Promise<readonly unknown[]> {
    const answers = await Promise.all([...alive].map((socket) => ask(socket, call)))
    return answers.filter((answer) => answer !== undefined)
  }

  /** undefined where the process is gone, or does not know the node. */
  async function ask(socket: string, call: Omit<AdminCall, 'timeoutMs'>, again = true): Promise<unknown> {
    try {
      const headers = { ...call.headers, ...thisProcessOnly }
      const { status, body } = await callAdmin(socket, { ...call, headers, timeoutMs: patienceMs })
      if (status === 404) return undefined
      if (status === 200) return body
      throw new Error(`it answered ${status}`)
    } catch (error) {
      if (isGone(error)) {
        alive.delete(socket)
        return undefined
      }
      // It ended while it was answering; the next attempt tells.
      if (again && (systemCode(error) === 'ECONNRESET' || systemCode(error) === 'EPIPE'))
        return ask(socket, call, false)
      throw new ProxyError(
        'predecessor-silent',
        `the balancer's process before this one, at ${socket}, still has connections and does not answer: try again, or end it by the number at the end of its socket's name`,
        error,
      )
    }
  }
}
