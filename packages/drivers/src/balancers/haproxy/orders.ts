import { isInMaintenance, isOut, type Server } from './backend.ts'
import type { WantedNode } from './wanted.ts'

/**
 * The commands that make a server what is wanted; none where it is so already.
 *
 * A node goes out by `drain`: it is checked on while its requests end. One that is out with nothing in flight (`isIdle`) goes
 * into `maint`, so that its app can be stopped without HAProxy finding it down and telling everybody. A server that comes
 * back counts as healthy until a check says otherwise.
 */
export function ordersFor(
  server: Server,
  { wanted, backend, isIdle }: { readonly wanted: WantedNode; readonly backend: string; readonly isIdle: boolean },
): readonly string[] {
  const set = `set server ${backend}/${server.name}`
  const weight = wanted.weight === null || wanted.weight === server.weight ? [] : [`${set} weight ${wanted.weight}`]
  return [...weight, ...(wanted.admin === 'out' ? outOrders(server, { set, isIdle }) : inOrders(server, { set }))]
}

function outOrders(server: Server, { set, isIdle }: { readonly set: string; readonly isIdle: boolean }): string[] {
  if (isIdle && isDrained(server)) return [`${set} state maint`]
  return server.administrative === 0 ? [`${set} state drain`] : []
}

function inOrders(server: Server, { set }: { readonly set: string }): string[] {
  if (!isOut(server)) return []
  return [`${set} state ready`, ...(server.isChecked ? [`${set} health up`] : [])]
}

function isDrained(server: Server): boolean {
  return server.administrative !== 0 && !isInMaintenance(server)
}
