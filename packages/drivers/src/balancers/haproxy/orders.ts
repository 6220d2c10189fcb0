import { isInMaintenance, isOut, type Server } from './backend.ts'
import type { WantedNode } from './wanted.ts'

/**
 * The commands that make a server what is wanted; none where it is so already. A node goes out by `drain`: it is checked
 * on while its requests end. A server that comes back counts as healthy until a check says otherwise.
 */
export function ordersFor(
  server: Server,
  { wanted, backend }: { readonly wanted: WantedNode; readonly backend: string },
): readonly string[] {
  const set = setServer(server, backend)
  const weight = wanted.weight === null || wanted.weight === server.weight ? [] : [`${set} weight ${wanted.weight}`]
  if (wanted.admin === 'out') return server.administrative === 0 ? [...weight, `${set} state drain`] : weight
  if (!isOut(server)) return weight
  return [...weight, `${set} state ready`, ...(server.isChecked ? [`${set} health up`] : [])]
}

/** Where a drained server has nothing left to do its app may be stopped, without HAProxy telling everybody it is down. */
export function parkingOrder(server: Server, backend: string): readonly string[] {
  const isDrained = server.administrative !== 0 && !isInMaintenance(server)
  return isDrained ? [`${setServer(server, backend)} state maint`] : []
}

function setServer({ name }: Server, backend: string): string {
  return `set server ${backend}/${name}`
}
