import { luaPackages } from './lua-packages.ts'

/** What was measured: see bench/results/balancers.md. */
export interface ReloadFigures {
  readonly requests: number
  readonly failed: number
  readonly reloads: number
}

/** In reload mode: 64 keep-alive clients, two nodes, one of them taken out and put back a hundred times. */
const measuredReloads: ReloadFigures = { requests: 48_585, failed: 168, reloads: 200 }

/** What `check` says wherever nginx is used in reload mode. One paragraph. */
export function reloadLimits(figures: ReloadFigures = measuredReloads): string {
  const count = new Intl.NumberFormat('en-US')
  const measured = `${count.format(figures.failed)} of ${count.format(figures.requests)} requests`
  return (
    'nginx in reload mode cannot promise that no request fails. A reload closes every idle connection of the old workers, and ' +
    'a client that is just reusing one gets a reset instead of an answer; browsers repeat a GET then, but no POST. Measured: ' +
    `${measured} failed over ${count.format(figures.reloads)} reloads, and a deploy reloads twice for each node. Nor can nginx say ` +
    'what is in flight on one node (Baton waits for the old workers to end, and for the last connection to the node to close), ' +
    'or tell a refused connection from a lost answer (a PUT or DELETE that a node already processed may be repeated on another). ' +
    'With balancer.mode: dynamic nothing is reloaded, and every request is counted; it needs the Lua module of nginx ' +
    `(${luaPackages()}).`
  )
}
