import { BatonError, type NginxBalancerConfig } from '@baton/core'
import {
  installNginxDynamic,
  installNginxReload,
  type NginxInstallation,
  renderHaproxy,
  renderNginxDynamic,
  renderNginxReload,
} from '@baton/drivers'
import { haproxyRendering, nginxOptions } from '../balancers.ts'
import { exitCodes } from '../exit-code.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { openWorkspace, type Workspace } from '../workspace.ts'

/** nginx -t of a configuration with long lists in it takes seconds, and old workers may be slow to go. */
const installDeadlineMs = 60_000

/** `baton balancer config`: what the balancer has to be configured with. Changes nothing. */
export async function printConfig(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const workspace = await openWorkspace(flags.config)
  const text = await configOf(workspace)
  terminal.out(flags.json ? JSON.stringify({ config: text }) : text.trimEnd())
  return exitCodes.done
}

async function configOf(workspace: Workspace): Promise<string> {
  const { balancer } = workspace.config
  switch (balancer.driver) {
    case 'embedded':
      throw nothingToConfigure()
    case 'nginx': {
      const options = nginxOptions(balancer, workspace)
      return balancer.mode === 'dynamic' ? renderNginxDynamic(options) : await renderNginxReload(options)
    }
    case 'haproxy':
      return renderHaproxy(haproxyRendering(balancer, workspace))
  }
}

/** `baton balancer install`: brings the configuration into the running nginx, or leaves everything as it was. */
export async function install(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const workspace = await openWorkspace(flags.config)
  const { balancer } = workspace.config
  if (balancer.driver === 'embedded') throw nothingToConfigure()
  if (balancer.driver === 'haproxy') {
    throw new BatonError('usage', 'haproxy.cfg is yours: Baton does not write it', {
      hint: 'paste what `baton balancer config` prints into it, reload HAProxy, then run `baton check`',
    })
  }
  const options = nginxOptions(balancer, workspace)
  const run = balancer.mode === 'dynamic' ? installNginxDynamic : installNginxReload
  const installed = await run(options, AbortSignal.timeout(installDeadlineMs))
  if (flags.json) terminal.out(JSON.stringify(installed))
  else for (const line of linesOf(installed, balancer, workspace)) terminal.out(line)
  return exitCodes.done
}

function linesOf({ outcome, file }: NginxInstallation, nginx: NginxBalancerConfig, { config }: Workspace): string[] {
  const use =
    nginx.listen === null
      ? [
          `In your own server block: proxy_pass http://${config.name}; (docs/drivers/nginx.md tells what belongs beside it)`,
        ]
      : []
  switch (outcome) {
    case 'applied':
      return [`${file} is in force: nginx has been reloaded, and its new workers answer for it`, ...use]
    case 'unchanged':
      return [`${file} is in force already: nothing was changed`]
    case 'not-running':
      return [
        `${file} is written, and nginx accepts it. nginx does not run: start it (${nginx.command.join(' ')})`,
        ...use,
      ]
  }
}

function nothingToConfigure(): BatonError {
  return new BatonError('usage', 'the embedded balancer needs no configuration of its own', {
    hint: '`baton up` runs it as baton.yaml says; set balancer.driver to nginx or haproxy to use one of these',
  })
}
