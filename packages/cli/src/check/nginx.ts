import { stat } from 'node:fs/promises'
import type { Config, NginxBalancerConfig } from '@baton/core'
import { createNginxProcess, lintAdminFolder, lintNginx, reloadLimits } from '@baton/drivers'
import { nginxOptions } from '../balancers.ts'
import type { Check, CheckContext, Observation } from './check.ts'
import { observe } from './findings.ts'
import { announcedKeepAliveMs } from './keep-alive.ts'
import { ok, warning } from './verdict.ts'

/** What in nginx's configuration makes deploys fail requests; nginx itself is asked what it reads. */
export function nginxChecks(nginx: NginxBalancerConfig, config: Config, context: CheckContext): readonly Check[] {
  const { name, command, include, stateDir, nodes } = nginxOptions(nginx, { config, ...context })
  const configuration: Check = {
    id: 'nginx',
    subject: command.join(' '),
    async run(signal) {
      const program = createNginxProcess({ command })
      const [dump, build] = await Promise.all([program.dump({ signal }), program.build({ signal })])
      const appKeepAliveMs = await announcedKeepAliveMs(config, context, signal)
      const findings = lintNginx(dump.text, { name, mode: nginx.mode, nodes, include, appKeepAliveMs, build })
      const folder = await stat(stateDir).then(
        (stats) => lintAdminFolder(stateDir, stats),
        () => [],
      )
      return (
        observe('nginx', [...findings, ...folder]) ??
        ok(`nginx ${build.version}: nothing in its configuration is in the way`)
      )
    },
  }
  return nginx.mode === 'reload' ? [configuration, limits] : [configuration]
}

const limits: Check = {
  id: 'nginx',
  subject: 'balancer.mode: reload',
  run: async (): Promise<Observation> => ({
    id: 'nginx/reload-limits',
    subject: 'balancer.mode: reload',
    ...warning(reloadLimits(), 'set balancer.mode: dynamic, then run baton balancer install'),
  }),
}
