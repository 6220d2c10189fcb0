import type { Fields } from '../format/record.ts'

/**
 * Where records are kept. Keys are hashes of ids, names are field names of the format; a store gives no meaning to
 * attributes. Alive means: `@c` present and `@x` absent. Every method rejects with SessionError `session-unavailable`
 * within its budget if the store cannot say: an error is never reported as absence.
 */
export interface SessionStore {
  /** undefined: nothing there. A tombstone is there. */
  load(key: string): Promise<Stored | undefined>
  /** false if the key exists, alive or dead: nothing is written then. */
  create(key: string, fields: Fields, ttlMs: number): Promise<boolean>
  /** Writes what changed, adds 1 to `@v`, and lives for ttlMs more. false: the session was dead, and stays so. */
  commit(key: string, change: Change, ttlMs: number): Promise<boolean>
  /** Like `commit`, of one field, and only if it still has the etag it was read with ('' where it was absent). */
  update(key: string, change: ConditionalChange, ttlMs: number): Promise<Updated>
  /** Leaves a tombstone. false if the session was dead or absent already. */
  destroy(key: string): Promise<boolean>
  /** Moves an alive session, changed, to a new key, in one step, and gives it as it is now; undefined: it was dead. */
  rotate(rotation: Rotation, ttlMs: number): Promise<Fields | undefined>
  /** Lives for ttlMs more. Revives nothing. */
  touch(key: string, ttlMs: number): Promise<void>
  close(): Promise<void>
}

export interface Stored {
  readonly fields: Fields
  /** Until it expires. */
  readonly ttlMs: number
}

export interface Change {
  readonly set: Fields
  readonly remove: readonly string[]
}

export interface ConditionalChange {
  readonly field: string
  readonly etag: string
  /** undefined removes the field. */
  readonly value: Buffer | undefined
}

export type Updated =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'conflict'; readonly value: Buffer | undefined }
  | { readonly outcome: 'dead' }

export interface Rotation extends Change {
  readonly from: string
  readonly to: string
  /** Left in `@x` of the old key. */
  readonly tombstone: string
  /** false: attributes and container notes stay behind; what `set` names is written all the same. */
  readonly keepAttributes: boolean
}

/** Budgets of one call, in milliseconds. */
export interface Timeouts {
  readonly connectMs: number
  readonly loadMs: number
  readonly commitMs: number
}

/** Tombstones outlive the longest request. */
export const tombstoneTtlMs = 600_000
