import { type BalancerView, type Config, formatAddress } from '@baton/core'
import type { Check, Checks } from './check.ts'
import { haproxyChecks } from './haproxy.ts'
import { nginxChecks } from './nginx.ts'
import { notChecked, ok, problem, type Verdict } from './verdict.ts'

/** The balancer that runs, and how it is configured. */
export const balancerChecks: Checks = (config, context) => {
  const { balancer } = config
  const running: Check = {
    id: 'balancer',
    subject: balancer.driver,
    run: async () => judge(config, context.running.balancer),
  }
  switch (balancer.driver) {
    case 'embedded':
      return [running]
    case 'nginx':
      return [running, ...nginxChecks(balancer, config, context)]
    case 'haproxy':
      return [running, ...haproxyChecks(balancer, config, context)]
  }
}

function judge({ balancer, nodes }: Config, view: BalancerView | null): Verdict {
  const embedded = balancer.driver === 'embedded'
  if (view === null) {
    const start = embedded
      ? 'baton up'
      : balancer.driver === 'nginx'
        ? 'baton balancer install'
        : 'baton balancer config'
    return notChecked('the balancer does not answer', `start it (${start}), then check again`)
  }
  const wanted = new Map(nodes.map(({ id, address }) => [id, formatAddress(address)]))
  const found = new Map(view.nodes.map(({ id, address }) => [id, address]))
  const missing = [...wanted.keys()].filter((id) => !found.has(id))
  const strange = [...found.keys()].filter((id) => !wanted.has(id))
  // HAProxy tells addresses as it has resolved them: its own checks compare them.
  const moved =
    balancer.driver === 'haproxy' ? [] : [...wanted].filter(([id, at]) => found.has(id) && found.get(id) !== at)
  const differences = [
    ...missing.map((id) => `${id} is missing`),
    ...strange.map((id) => `${id} is no node of baton.yaml`),
    ...moved.map(([id, at]) => `${id} is at ${found.get(id)} and not at ${at}`),
  ]
  if (differences.length === 0) return ok(`answers, and has the ${nodes.length} nodes of baton.yaml`)
  const remedies = { embedded: 'run baton up again', nginx: 'baton balancer install', haproxy: 'baton balancer config' }
  return problem(`the running balancer has other nodes: ${differences.join('; ')}`, remedies[balancer.driver])
}
