import type { Tracking } from './near-cache-tracking.ts'
import type { RedisTarget } from './redis-target.ts'
import type { StoreHealth, Timeouts } from './store.ts'

/** As node-redis takes it: text, or bytes as they are. */
export type Argument = string | Buffer
export type Command = readonly Argument[]

/** Which budget a call has. */
export type CallKind = 'load' | 'commit'

/** What the store needs of Redis, be it one server, a master that Sentinel names, or a cluster. */
export interface RedisServers {
  /** Whether two keys may be on two servers, so that no script and no transaction can touch both. */
  readonly isCluster: boolean
  /**
   * Sends commands about one key in one write, and gives what `read` makes of their replies. Rejects with
   * `session-unavailable` when the budget is over, when the connection is lost, and if any reply is an error.
   * A call of kind `load` is sent again if its connection is lost meanwhile; a `commit` is not, for it may have happened.
   */
  run<T>(kind: CallKind, key: string, commands: readonly Command[], read: Reader<T>): Promise<T>
  /** The servers that hold keys, by names that stay the same. */
  masters(): readonly string[]
  /** Like `run`, on one of the masters. */
  runOn<T>(master: string, kind: CallKind, commands: readonly Command[], read: Reader<T>): Promise<T>
  health(): StoreHealth
  close(): Promise<void>
}

/** One reply for each command, in order; none is an error. */
export type Reader<T> = (replies: readonly unknown[]) => T

export interface ServersOptions {
  readonly target: RedisTarget
  readonly timeouts: Timeouts
  /** For a near cache: told of each connection that sessions are read over. */
  readonly tracking?: Tracking
}
