/** Who may change balancers and nodes: one holder at a time, each with a greater token than the one before. */
export interface Lock {
  /** Fails with `lock-held` (its `holder` is in the error) unless the lock is free, released or its lease has run out. */
  acquire(purpose: string): Promise<LockLease>
  /** The current holder, or null. */
  holder(): Promise<LockHolder | null>
}

export interface LockLease {
  readonly token: number
  /** Aborts when the lease is lost: someone else took a newer token. */
  readonly lost: AbortSignal
  /** Fails with `lock-lost` unless this is still the newest token. */
  assertHeld(): Promise<void>
  release(): Promise<void>
}

export interface LockHolder {
  readonly token: number
  /** user@host */
  readonly owner: string
  readonly host: string
  readonly pid: number
  /** What it holds the lock for, for example `deploy 20261123T101500Z-4f2a9c`. */
  readonly purpose: string
  /** ISO 8601, UTC. */
  readonly since: string
  readonly renewedAt: string
  /** After this moment another may take over. */
  readonly expiresAt: string
}
