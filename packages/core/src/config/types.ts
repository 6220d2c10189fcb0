/** A configuration as the rest of Baton uses it: checked, with every default filled in. Times are in milliseconds. */
export interface Config {
  readonly name: string
  readonly release: ReleaseConfig
  readonly balancer: BalancerConfig
  /** In the order of the file; at least one. */
  readonly nodes: readonly NodeConfig[]
  readonly health: HealthConfig
  readonly rollout: RolloutConfig
  readonly sessions: SessionsConfig
}

export interface ReleaseConfig {
  /** A directory or an archive, as written (relative to baton.yaml); null where none is named. */
  readonly source: string | null
  /** Successful releases kept for rollback, the current one not counted. */
  readonly keep: number
}

export type BalancerConfig = EmbeddedBalancerConfig | NginxBalancerConfig | HaproxyBalancerConfig

export interface EmbeddedBalancerConfig {
  readonly driver: 'embedded'
  readonly listen: Address
  /** Whether X-Forwarded-* and Forwarded of clients are believed and added to, instead of replaced. */
  readonly trustForwarded: boolean
  readonly responseTimeoutMs: number
  readonly idleTimeoutMs: number
  /** null: no limit. */
  readonly maxBodyBytes: number | null
}

/** An nginx that something else starts, or the first apply does; Baton writes one file that it includes. */
export interface NginxBalancerConfig {
  readonly driver: 'nginx'
  /** `dynamic`: members and weights change at run time, in Lua; `reload`: the file is rewritten and nginx reloaded. */
  readonly mode: 'dynamic' | 'reload'
  /** argv: how this nginx is run and signalled; `-t`, `-T` and `-s reload` are added. Never given to a shell. */
  readonly command: readonly string[]
  /** Absolute: the folder where baton-<name>.conf is written, included from within `http`. */
  readonly include: string
  /** Where a server block of Baton's listens; null: the user's own server blocks use the upstream. */
  readonly listen: Address | null
  /** Absolute: the folder of nginx's socket and state file; null: `nginx` in Baton's own state folder. */
  readonly state: string | null
}

/** A HAProxy that something else runs, told over its runtime API. */
export interface HaproxyBalancerConfig {
  readonly driver: 'haproxy'
  /** Absolute: the unix socket of the runtime API, of level admin. */
  readonly socket: string
  /** The backend whose servers are named like the nodes. */
  readonly backend: string
  /** Where the printed frontend listens; null: none is printed. */
  readonly listen: Address | null
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface NodeConfig {
  readonly id: string
  readonly address: Address
  readonly weight: number
  readonly app: AppConfig
}

export type AppConfig = ProcessAppConfig | TomcatAppConfig | CommandAppConfig

/** An app that Baton runs itself: supervised by `baton up`. */
export interface ProcessAppConfig {
  readonly driver: 'process'
  /** argv; never given to a shell. */
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** From SIGTERM to SIGKILL. */
  readonly stopTimeoutMs: number
}

/** A web application in a Tomcat of its own, with a CATALINA_BASE that Baton makes. */
export interface TomcatAppConfig {
  readonly driver: 'tomcat'
  /** Absolute: CATALINA_HOME. */
  readonly home: string
  /** Where the web application is mounted: `/`, `/shop`, `/a/b`. */
  readonly context: string
  /** Options of the JVM, each as it is; never given to a shell. */
  readonly javaOptions: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** From SIGTERM to SIGKILL. */
  readonly stopTimeoutMs: number
}

/** An app that something else runs: argv templates with {node} {host} {port} {release} {releaseDir}. */
export interface CommandAppConfig {
  readonly driver: 'command'
  readonly activate: readonly string[] | null
  readonly stop: readonly string[]
  readonly start: readonly string[]
  /** Prints the id of the running release, so that Baton can verify it; null where there is none. */
  readonly release: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  readonly stopTimeoutMs: number
}

export interface HealthConfig {
  /** `http` asks for `path`; `tcp` only connects. */
  readonly type: 'http' | 'tcp'
  readonly path: string
  /** Healthy status codes as inclusive ranges, for example [[200, 399]]. */
  readonly status: readonly (readonly [number, number])[]
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
  readonly deadlineMs: number
}

export interface RolloutConfig {
  /** Nodes out at once, resolved from a number or a percentage. */
  readonly batch: number
  /** Floor of healthy weight that stays in, in per cent of the whole weight. */
  readonly minAvailablePercent: number
  readonly drainTimeoutMs: number
  readonly onDrainTimeout: 'abort' | 'force'
  readonly bakeMs: number
  /** From a little of its weight to all of it, as a node joins: the last step is 100%. Empty: the whole weight at once. */
  readonly ramp: readonly RampStep[]
  readonly onFailure: 'rollback' | 'halt'
  /** Without a node done for so long, the deploy has failed. */
  readonly progressDeadlineMs: number
}

/** So much of a node's weight for so long; `holdMs` of the last step is 0. */
export interface RampStep {
  /** 1 to 100. */
  readonly percent: number
  readonly holdMs: number
}

export interface SessionsConfig {
  /** `embedded`, or a redis:// or rediss:// URL. May hold a password: never print it unredacted. */
  readonly store: string
  /** Keeps applications apart in one store; nodes get it as BATON_SESSION_NAMESPACE. */
  readonly namespace: string
}
