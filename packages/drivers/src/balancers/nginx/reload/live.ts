import { BatonError } from '@baton/core'
import { askAdmin } from '../../../admin-api/ask.ts'
import { statePaths } from '../paths.ts'
import { whileTaking } from '../take-socket.ts'
import type { ReloadNode } from './state.ts'

/** What a worker of the running nginx says about the file that it runs with. */
export interface LiveConfiguration {
  readonly generation: string
  /** The process that answered. */
  readonly worker: number
  readonly nodes: readonly LiveNode[]
}

export type LiveNode = Pick<ReloadNode, 'id' | 'address' | 'admin' | 'weight'>

/** Asks until nginx answers or the signal aborts: then it fails with `balancer-unreachable`. */
export async function askNginx(stateDir: string, signal: AbortSignal): Promise<LiveConfiguration> {
  const socketPath = statePaths(stateDir).adminSocket
  const answer = await whileTaking(stateDir, () =>
    askAdmin({ socketPath, hints }, { method: 'GET', path: '/v1/configuration' }, signal),
  )
  const { token, worker, nodes } = (answer ?? {}) as Record<string, unknown>
  if (typeof token === 'string' && Number.isSafeInteger(worker) && Array.isArray(nodes) && nodes.every(isNode)) {
    return { generation: token, worker: worker as number, nodes }
  }
  throw new BatonError('balancer-answer-invalid', `what nginx answers on ${socketPath} is not what baton has written`, {
    hint: hints.outdated,
  })
}

export function isSame(a: LiveNode, b: LiveNode): boolean {
  return a.id === b.id && a.address === b.address && a.admin === b.admin && a.weight === b.weight
}

const hints = {
  unreachable: 'start nginx; where it runs, run baton balancer install',
  forbidden: 'run this as the user who ran baton balancer install',
  outdated: 'run baton balancer install',
}

function isNode(value: unknown): value is LiveNode {
  const { id, address, admin, weight } = (value ?? {}) as Record<string, unknown>
  return (
    typeof id === 'string' &&
    typeof address === 'string' &&
    (admin === 'in' || admin === 'out') &&
    Number.isSafeInteger(weight)
  )
}
