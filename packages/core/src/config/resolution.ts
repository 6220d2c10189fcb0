import { batchSize } from './amount.ts'
import type { CheckedConfig } from './schema.ts'
import type { Address, AppConfig, BalancerConfig, Config } from './types.ts'

/** Where the embedded balancer listens unless it is told. */
export const defaultListen: Address = { host: '127.0.0.1', port: 8080 }

type AppFields = CheckedConfig['app']
type NodeFields = CheckedConfig['nodes'][string]

/** The configuration as the rest of Baton uses it, of one in which no mistake was found. */
export function resolveConfig(checked: CheckedConfig, nodeIds: readonly string[]): Config {
  const { name, release, balancer, app, health, rollout, sessions } = checked
  return {
    name,
    release,
    balancer: resolveBalancer(balancer, name),
    nodes: nodeIds.map((id) => {
      const node = given(checked.nodes[id])
      return { id, address: node.address, weight: node.weight, app: resolveApp(app, node) }
    }),
    health: {
      type: health.type,
      path: health.path,
      status: health.status,
      intervalMs: health.interval,
      timeoutMs: health.timeout,
      rise: health.rise,
      fall: health.fall,
      deadlineMs: health.deadline,
    },
    rollout: {
      batch: batchSize(rollout.batch, nodeIds.length),
      minAvailablePercent: rollout.minAvailable,
      drainTimeoutMs: rollout.drainTimeout,
      onDrainTimeout: rollout.onDrainTimeout,
      bakeMs: rollout.bake,
      ramp: rollout.ramp,
      onFailure: rollout.onFailure,
      progressDeadlineMs: rollout.progressDeadline,
    },
    sessions,
  }
}

function resolveBalancer(balancer: CheckedConfig['balancer'], name: string): BalancerConfig {
  const { listen = null } = balancer
  switch (balancer.driver) {
    case 'embedded':
      return {
        driver: 'embedded',
        listen: listen ?? defaultListen,
        trustForwarded: balancer.trustForwarded,
        responseTimeoutMs: balancer.responseTimeout,
        idleTimeoutMs: balancer.idleTimeout,
        maxBodyBytes: balancer.maxBodyBytes,
      }
    case 'nginx': {
      const { mode, command, include, state = null } = balancer
      return { driver: 'nginx', mode, command, include, listen, state }
    }
    case 'haproxy':
      return { driver: 'haproxy', socket: given(balancer.socket), backend: balancer.backend ?? name, listen }
  }
}

/** What a node sets wins over `app`; of `env`, variable by variable. */
function resolveApp(app: AppFields, node: NodeFields): AppConfig {
  const env = { ...app.env, ...node.env }
  const stopTimeoutMs = node.stopTimeout ?? app.stopTimeout
  const driver = node.driver ?? app.driver
  if (driver === 'process') return { driver, command: given(node.command ?? app.command), env, stopTimeoutMs }
  if (driver === 'tomcat') {
    return {
      driver,
      home: given(node.home ?? app.home),
      context: node.context ?? app.context ?? '/',
      javaOptions: node.javaOptions ?? app.javaOptions ?? [],
      env,
      stopTimeoutMs,
    }
  }
  return {
    driver,
    activate: node.activate ?? app.activate ?? null,
    stop: given(node.stop ?? app.stop),
    start: given(node.start ?? app.start),
    release: node.release ?? app.release ?? null,
    env,
    stopTimeoutMs,
  }
}

/** The checks have refused a configuration where this is missing. */
function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a configuration was resolved that had not been checked')
  return value
}
