import type { AliveMeta, Fields } from '../format/record.ts'

/**
 * Where records are kept. Keys are hashes of ids, names are field names of the format; a store gives no meaning to
 * attributes. Alive means: `@c` present and `@x` absent. Every method rejects with SessionError `session-unavailable`
 * within its budget if the store cannot say: an error is never reported as absence.
 */
export interface SessionStore {
  /** undefined: nothing there. A tombstone is there. */
  load(key: string, want?: Wanted): Promise<Stored | undefined>
  /** What `load` would give, if this process has it at hand: no promise, a microsecond. undefined says nothing: call `load`. */
  peek?(key: string, want?: Wanted): Stored | undefined
  /**
   * false if the key exists, alive or dead: nothing is written then. With an owner, as in `rotate`: the session is
   * listed as theirs before it becomes visible, and carries their epoch in `@e`. Rejects with `session-gone` if they were
   * logged out everywhere meanwhile; the new session is destroyed then.
   */
  create(key: string, fields: Fields, ttlMs: number, owner?: string): Promise<boolean>
  /** Writes what changed, adds 1 to `@v`, and lives for ttlMs more. Gives the new version; undefined: the session was dead, and stays so. */
  commit(key: string, change: Change, ttlMs: number, options?: CommitOptions): Promise<number | undefined>
  /** Like `commit`, of one field, and only if it still has the etag it was read with ('' where it was absent). */
  update(key: string, change: ConditionalChange, ttlMs: number): Promise<Updated>
  /** Leaves a tombstone. false if the session was dead or absent already. */
  destroy(key: string, owner?: string): Promise<boolean>
  /** Moves an alive session, changed, to a new key, in one step, and gives it as it is now; undefined: it was dead. */
  rotate(rotation: Rotation, ttlMs: number): Promise<Rotated>
  /** Lives for ttlMs more. Revives nothing. */
  touch(key: string, ttlMs: number, owner?: string): Promise<void>

  /** Raises the owner's epoch and ends all their sessions (tombstone `k`), but for `except`. Gives how many were alive. */
  destroyAllOf(owner: string, except?: string): Promise<number>

  /**
   * Takes the lock of an alive session for `leaseMs`, and gives the session as it is then. `taken`: another holder has it.
   * undefined: the session is dead. The same holder may take it again, which extends it.
   */
  lock(key: string, holder: string, leaseMs: number): Promise<Stored | 'taken' | undefined>
  /** Gives the lock back, if this holder still has it. */
  unlock(key: string, holder: string): Promise<void>

  /** How many sessions are alive. For operators: looks at all of them. */
  count(): Promise<number>
  /** Sessions that are alive, a page at a time, in no order; of one owner if given. No cursor in the answer: that was the last page. */
  list(page: ListPage): Promise<{ readonly entries: readonly Listed[]; readonly cursor?: string }>

  /** Whether the store answers, as far as this process knows; asks nothing. */
  health(): StoreHealth
  close(): Promise<void>
}

/** What a reader needs of a session; only a near cache minds it. */
export interface Wanted {
  /** Straight from the store, whatever is cached. */
  readonly fresh?: boolean
  /** A version (`@v`) that this client has seen committed: nothing older will do. */
  readonly atLeast?: number
  /** While the store is away, a cached session will do though it is older than the cache's maximum age. */
  readonly staleOk?: boolean
}

export interface Stored {
  readonly fields: Fields
  /** Until it expires. */
  readonly ttlMs: number
  /** Of a near cache, which gives the same fields to many. */
  readonly notes?: Notes
}

/** What one reader has made of fields, for all who are given the same. Nothing in it is ever altered or handed to an app. */
export interface Notes {
  meta: AliveMeta | undefined
  /** Of an attribute whose value was parsed already. */
  json(name: string): object | undefined
  /** `bytes`: of the text that it was parsed from. */
  keepJson(name: string, value: object, bytes: number): void
}

export interface Change {
  readonly set: Fields
  readonly remove: readonly string[]
}

export interface CommitOptions {
  /** Whose list of sessions is to learn the new expiry; given only when a touch is due as well. */
  readonly owner?: string
  /** The holder of the lock under which this is written: rejects with `session-conflict` if it has lost the lock. */
  readonly lock?: string
}

export interface ConditionalChange {
  readonly field: string
  readonly etag: string
  /** undefined removes the field. */
  readonly value: Buffer | undefined
}

/** What is written if the condition holds. */
export function changeOf({ field, value }: ConditionalChange): Change {
  return value === undefined ? { set: new Map(), remove: [field] } : { set: new Map([[field, value]]), remove: [] }
}

export type Updated =
  | { readonly outcome: 'done'; readonly version: number }
  | { readonly outcome: 'conflict'; readonly value: Buffer | undefined }
  | { readonly outcome: 'dead' }

export interface Rotation extends Change {
  readonly from: string
  readonly to: string
  /** Left in `@x` of the old key. */
  readonly tombstone: string
  /** false: attributes and container notes stay behind; what `set` names is written all the same. */
  readonly keepAttributes: boolean
  /** The hash of the user who logs in by this rotation, or is logged in already. */
  readonly owner?: string
  /** Only if `@v` is still this: for who has to write every attribute anew. */
  readonly ifVersion?: number
}

/** The session under its new key. `conflict`: it has another version than `ifVersion`, nothing was done. undefined: it was dead. */
export type Rotated = Fields | 'conflict' | undefined

export interface ListPage {
  readonly owner?: string
  readonly cursor?: string
  /** About how many entries; a store may give more or fewer. Default 100. */
  readonly limit?: number
}

export interface Listed {
  readonly key: string
  /** Meta fields (`@…`) only. */
  readonly meta: Fields
  readonly ttlMs: number
  /** Of all fields, names and values. */
  readonly bytes: number
}

export interface StoreHealth {
  readonly state: 'up' | 'down'
  /** Since it is in this state. */
  readonly sinceMs: number
}

/** Budgets of one call, in milliseconds. */
export interface Timeouts {
  readonly connectMs: number
  readonly loadMs: number
  readonly commitMs: number
}

/** Tombstones outlive the longest request. */
export const tombstoneTtlMs = 600_000
