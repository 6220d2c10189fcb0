import type { Call } from './call.ts'

/** A release as it is staged: an id, and where its files come from. */
export interface Release {
  readonly id: string
  /** Absolute path of the directory or archive. */
  readonly source: string
  readonly kind: 'directory' | 'file' | 'zip' | 'tar.gz'
  /** Hex SHA-256 of the file, or of the directory's listing with every file's own. */
  readonly sha256: string
}

/**
 * One app server. Every verb is safe to repeat and leaves the node in the state it names; going back is the same verbs
 * with the old release. A call whose token is stale is refused with code `stale-token`.
 */
export interface Node {
  readonly id: string
  readonly driver: string
  /** Makes `call.token` the newest: from now on older ones are refused. */
  fence(call: Call): Promise<void>
  /** What is really there. */
  inspect(call: Pick<Call, 'signal'>): Promise<NodeView>
  /** Brings the release's files to the node, checked; nothing that runs is touched. */
  stage(release: Release, call: Call): Promise<void>
  /** Fails with `release-missing` or `release-damaged` if this release could not be activated. */
  verify(releaseId: string, call: Pick<Call, 'signal'>): Promise<void>
  stop(call: Call): Promise<void>
  activate(releaseId: string, call: Call): Promise<void>
  /** Resolves once the app has been started; whether it serves is the check's question. */
  start(call: Call): Promise<void>
  /** Removes staged releases that are not in `keep`; never the current one. */
  prune(keep: readonly string[], call: Call): Promise<void>
  /** The app's last log lines, oldest first; empty where the driver has none. */
  logTail(lines: number): Promise<readonly string[]>
}

export interface NodeView {
  /** `crashed`: started, and ended by itself since. `unknown`: the driver cannot tell. */
  readonly process: 'running' | 'stopped' | 'crashed' | 'unknown'
  /** The release that the running app was started from; null where nothing runs or it cannot be told. */
  readonly running: string | null
  /** The release that a start would run. */
  readonly current: string | null
  /** Complete releases on the node. */
  readonly staged: readonly string[]
  /** Times the app ended by itself since it was last told to start. */
  readonly restarts: number
  /** How it ended last, for example `exit code 1` or `signal SIGSEGV`. */
  readonly lastExit: string | null
}
