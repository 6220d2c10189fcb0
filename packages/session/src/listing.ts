import { principalOf, readMeta } from './format/record.ts'
import type { OwnerOf } from './owner.ts'
import type { Listed, SessionStore } from './stores/store.ts'

/** One session, for operators: nothing in it lets anybody take the session over. */
export interface SessionInfo {
  /** The first 8 characters of the hash of its id, as in logs. */
  readonly key: string
  readonly createdAt: Date
  /** Who is logged in. */
  readonly user: string | undefined
  /** If no request comes until then. */
  readonly expiresAt: Date
  /** Of the whole record, names and values. */
  readonly bytes: number
}

/** All sessions that are alive, in no order, or one user's. Those that begin or end meanwhile may be in it or not. */
export async function* listSessions(
  store: SessionStore,
  ownerOf: OwnerOf,
  user: string | undefined,
): AsyncGenerator<SessionInfo> {
  for await (const entries of listPages(store, user === undefined ? undefined : ownerOf(user))) {
    for (const listed of entries) {
      const info = infoOf(listed)
      // Two users never share a hash; a session may have gone over to another since it was listed.
      if (info !== undefined && (user === undefined || info.user === user)) yield info
    }
  }
}

/** The same, a page at a time, as the store has them. */
export async function* listPages(store: SessionStore, owner?: string): AsyncGenerator<readonly Listed[]> {
  const whose = owner === undefined ? {} : { owner }
  let cursor: string | undefined
  do {
    const page = await store.list(cursor === undefined ? whose : { ...whose, cursor })
    yield page.entries
    cursor = page.cursor
  } while (cursor !== undefined)
}

function infoOf({ key, meta, ttlMs, bytes }: Listed): SessionInfo | undefined {
  const nowMs = Date.now()
  const reading = readable(meta, nowMs)
  if (reading?.state !== 'alive') return undefined
  return {
    key: key.slice(0, 8),
    createdAt: new Date(reading.createdAtMs),
    user: principalOf(meta)?.name,
    expiresAt: new Date(nowMs + ttlMs),
    bytes,
  }
}

/** A session that a newer version wrote is none of ours to describe. */
function readable(meta: Listed['meta'], nowMs: number): ReturnType<typeof readMeta> | undefined {
  try {
    return readMeta(meta, nowMs)
  } catch {
    return undefined
  }
}
