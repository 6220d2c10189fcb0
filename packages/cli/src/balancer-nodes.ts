import { type BalancerView, BatonError, type Config, formatAddress } from '@baton/core'

/** How to give the balancer the nodes of baton.yaml. */
export const remedies = {
  embedded: 'run baton up again',
  nginx: 'baton balancer install',
  haproxy: 'baton balancer config prints what haproxy.cfg needs',
} as const

/** What the running balancer has otherwise than baton.yaml, in words: it would drain one app while another is stopped. */
export function differences({ balancer, nodes }: Config, view: BalancerView): string[] {
  const wanted = new Map(nodes.map(({ id, address }) => [id, formatAddress(address)]))
  const found = new Map(view.nodes.map(({ id, address }) => [id, address]))
  // HAProxy tells addresses as it has resolved them: check compares them with more care.
  const isComparable = (address: string) => balancer.driver !== 'haproxy' || /^[\d.]+:\d+$/.test(address)
  return [
    ...[...wanted.keys()].filter((id) => !found.has(id)).map((id) => `${id} is missing`),
    ...[...found.keys()].filter((id) => !wanted.has(id)).map((id) => `${id} is no node of baton.yaml`),
    ...[...wanted]
      .filter(([id, address]) => found.has(id) && found.get(id) !== address && isComparable(address))
      .map(([id, address]) => `${id} is at ${found.get(id)} and not at ${address}`),
  ]
}

/** Fails with `balancer-outdated` before anything is touched. Servers that are no nodes are none of a deploy's business. */
export function assertSameNodes(config: Config, view: BalancerView): void {
  const found = differences(config, view).filter((each) => !each.endsWith('is no node of baton.yaml'))
  if (found.length === 0) return
  throw new BatonError(
    'balancer-outdated',
    `the running balancer has other nodes than baton.yaml: ${found.join('; ')}`,
    {
      hint: `bring them to one, then try again: ${remedies[config.balancer.driver]}`,
    },
  )
}
