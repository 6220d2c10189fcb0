import type { Cipher } from '../format/cipher.ts'
import type { Limits } from '../limits.ts'
import type { Listings } from '../listings.ts'
import type { OwnerOf } from '../owner.ts'
import type { SessionStore } from '../stores/store.ts'
import type { Turns } from '../turns.ts'

/** What all requests of an app share. */
export interface RequestContext {
  readonly store: SessionStore
  /** What was loaded may be older than the request: there is a near cache. */
  readonly mayBeStale: boolean
  readonly maxInactiveMs: number
  /** From the beginning of a session, or the latest login. */
  readonly absoluteMs: number | undefined
  /** For how long `update` tries, and `lock` waits if it is not told. */
  readonly commitMs: number
  readonly limits: Limits
  readonly ownerOf: OwnerOf
  readonly cipher: Cipher | undefined
  readonly turns: Turns
  readonly listings: Listings
  /** Keys that are being touched: of many requests at once, one is enough. */
  readonly touching: Set<string>
  /** A write came after its session had ended. */
  readonly onDropped: () => void
  /** What went wrong where nobody waits for an answer. */
  readonly onError: (error: Error) => void
}
