import type { BalancerView, Config } from '@baton/core'
import { differences, remedies } from '../balancer-nodes.ts'
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

function judge(config: Config, view: BalancerView | null): Verdict {
  const { balancer, nodes } = config
  const embedded = balancer.driver === 'embedded'
  if (view === null) {
    const start = embedded
      ? 'baton up'
      : balancer.driver === 'nginx'
        ? 'baton balancer install'
        : 'baton balancer config'
    return notChecked('the balancer does not answer', `start it (${start}), then check again`)
  }
  const found = differences(config, view)
  if (found.length === 0) return ok(`answers, and has the ${nodes.length} nodes of baton.yaml`)
  return problem(`the running balancer has other nodes: ${found.join('; ')}`, remedies[balancer.driver])
}
