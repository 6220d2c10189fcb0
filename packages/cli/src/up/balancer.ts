import { BatonError, type Config, type EmbeddedBalancerConfig, formatAddress } from '@baton/core'
import { type KeeperEvent, keepProxyRunning, type ProxyConfig, ProxyError } from '@baton/proxy'
import { balancerSocket } from '../balancers.ts'
import type { Wiring } from '../wiring.ts'
import type { Workspace } from '../workspace.ts'
import type { UpLog } from './log.ts'

/** What stands in front of the nodes, as far as `baton up` runs it: our own balancer, and nothing where there is another. */
export interface UpBalancer {
  /** Where clients come in, for people: `http://127.0.0.1:8080`, or by what they come. */
  readonly entrance: string
  /** Goes on with a new configuration. */
  reload(workspace: Workspace): Promise<string>
  stop(options: { readonly hurry: AbortSignal }): Promise<void>
}

/** How long requests in flight may take when all of it stops. */
const stopGraceMs = 30_000

export async function startBalancer(wiring: Wiring, log: UpLog): Promise<UpBalancer> {
  const { balancer } = wiring.config
  return balancer.driver === 'embedded' ? await startEmbedded(balancer, wiring, log) : runElsewhere(wiring.config)
}

async function startEmbedded(embedded: EmbeddedBalancerConfig, wiring: Wiring, log: UpLog): Promise<UpBalancer> {
  const keeper = await keepProxyRunning({
    config: proxyConfig(embedded, wiring),
    folder: wiring.stateDir,
    onEvent: (event) => log.say('up.balancer', balancerLine(event)),
  }).catch((error) => {
    throw error instanceof ProxyError ? new BatonError(error.code, error.message, { cause: error }) : error
  })
  return {
    get entrance() {
      return `http://${formatAddress(keeper.address())}`
    },
    async reload(workspace) {
      const { balancer } = workspace.config
      if (balancer.driver !== 'embedded') {
        throw new BatonError('balancer-changed', `balancer.driver is ${balancer.driver} now`, {
          hint: 'stop `baton up` and start it again',
        })
      }
      await keeper.replace(proxyConfig(balancer, workspace))
      return 'balancer runs with the new configuration; changes of `app` and of nodes take a restart of `baton up`'
    },
    stop: ({ hurry }) => keeper.stop({ graceMs: stopGraceMs, hurry }),
  }
}

/** nginx and HAProxy are run by whoever runs them. */
function runElsewhere({ name, balancer }: Config): UpBalancer {
  const product = balancer.driver === 'nginx' ? 'nginx' : 'HAProxy'
  const listen = balancer.driver === 'embedded' ? null : balancer.listen
  return {
    entrance: listen === null ? `behind ${product} (${name})` : `http://${formatAddress(listen)} (${product})`,
    async reload() {
      return `nothing to do: ${product} takes a new configuration with \`baton balancer install\`, and changes of \`app\` and of nodes take a restart of \`baton up\``
    },
    async stop() {},
  }
}

function proxyConfig(embedded: EmbeddedBalancerConfig, { config, stateDir }: Workspace): ProxyConfig {
  const { type, path, status, intervalMs, timeoutMs, rise, fall } = config.health
  return {
    name: config.name,
    listen: embedded.listen,
    admin: balancerSocket(stateDir),
    state: `${stateDir}/balancer.json`,
    nodes: config.nodes.map(({ id, address, weight }) => ({ id, ...address, weight })),
    health: { type, path, status, intervalMs, timeoutMs, rise, fall },
    stopGraceMs,
    trustForwarded: embedded.trustForwarded,
    limits: {
      responseIdleMs: embedded.responseTimeoutMs,
      keepAliveMs: embedded.idleTimeoutMs,
      ...(embedded.maxBodyBytes === null ? {} : { bodyBytes: embedded.maxBodyBytes }),
    },
  }
}

function balancerLine(event: KeeperEvent): string {
  switch (event.type) {
    case 'started':
    case 'adopted':
    case 'replaced':
      return `balancer ${event.type} on ${formatAddress(event.address)} (pid ${event.pid})`
    case 'ended':
      return `balancer (pid ${event.pid}) ended: ${event.how}; started again in ${event.restartInMs} ms`
    case 'start-failed':
      return `balancer could not be started: ${event.error.message}; tried again in ${event.restartInMs} ms`
  }
}
