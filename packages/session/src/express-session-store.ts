import { SessionError } from './errors.ts'
import type { WholeSession } from './express-session-store/loaded.ts'
import { type StoreOptions, storeContext } from './express-session-store/store-context.ts'
import { wholeSessions } from './express-session-store/whole-sessions.ts'
import { hashOfId } from './id.ts'
import { listPages } from './listing.ts'
import { unavailable } from './stores/deadline.ts'

export type { StoreOptions as ExpressSessionStoreOptions }

/** What express-session and `@fastify/session` export, with the class that their stores extend. */
export interface SessionModule<C extends object> {
  readonly Store: C
}

/** The types of `@fastify/session` have a store where there is a class. */
export type StoreOf<C extends object> = C extends abstract new (...args: never[]) => infer S ? S : C

export type Callback<T = void> = (error: unknown, result?: T) => void

/**
 * A store as express-session knows it. Every method takes a callback, or gives a promise. What goes wrong is passed on as
 * a SessionError (`session-unavailable` has status 503), never as "no session".
 */
export interface ExpressSessionStore {
  /** null: there is no session of that id, or it has ended. */
  get(sid: string, callback?: Callback<WholeSession | null>): Promise<WholeSession | null>
  /**
   * Writes the attributes in which the session differs from what was loaded. Revives nothing: what a request saves after
   * the session was destroyed is dropped, and reported to `onError`.
   */
  set(sid: string, session: object, callback?: Callback): Promise<void>
  /** Extends the session's life, when more than 5 % of it has passed since that was last done. */
  touch(sid: string, session: object, callback?: Callback): Promise<void>
  /** Takes what `ids` gives as well. */
  destroy(sid: string, callback?: Callback): Promise<void>
  /** All sessions of the namespace, each with an `id` as in `ids`. Loads them one by one: for operators. */
  all(callback?: Callback<WholeSession[]>): Promise<WholeSession[]>
  /** Hashes of ids, as `#<hash>`: ids themselves are nowhere in the store. */
  ids(callback?: Callback<string[]>): Promise<string[]>
  length(callback?: Callback<number>): Promise<number>
  /** Destroys all sessions of the namespace. */
  clear(callback?: Callback): Promise<void>
  /** Ends connections; ends no session. */
  close(): Promise<void>
}

/**
 * A store for apps that stay with express-session or `@fastify/session`:
 *
 *     app.use(session({ store: expressSessionStore(session, { store: 'redis://…', namespace: 'shop' }), secret, … }))
 *
 * Its sessions are those of the adapters of this package: the same format and namespace, found by the id. Throws
 * SessionError `session-options` for options that are wrong. Connects in the background.
 */
export function expressSessionStore<C extends object>(
  session: SessionModule<C>,
  options: StoreOptions = {},
): StoreOf<C> & ExpressSessionStore {
  if (typeof session?.Store !== 'function') {
    throw new SessionError(
      'session-options',
      'expressSessionStore needs the middleware it is for: write expressSessionStore(session, { … })',
    )
  }
  const base = new (session.Store as new () => StoreOf<C> & Partial<CreatesSessions>)()
  const createSession = base.createSession
  const context = storeContext(options)
  const { store, onError } = context
  const sessions = wholeSessions({ ...context, carry: createSession === undefined })

  const methods: ExpressSessionStore = {
    get: (sid, callback) => settle(callback, async () => (await sessions.load(hashOfId(sid))) ?? null),

    set: (sid, session, callback) => settle(callback, () => sessions.save(hashOfId(sid), session as WholeSession)),

    touch: (sid, session, callback) => settle(callback, () => sessions.touch(hashOfId(sid), session as WholeSession)),

    destroy(sid, callback) {
      return settle(callback, async () => {
        await store.destroy(keyOfHandle(sid) ?? hashOfId(sid))
      })
    },

    all(callback) {
      return settle(callback, async () => {
        const found: WholeSession[] = []
        for await (const page of listPages(store)) {
          const loaded = await Promise.all(page.map(({ key }) => sessions.load(key)))
          for (const [i, { key }] of page.entries()) {
            const one = loaded[i]
            if (one !== undefined) found.push(Object.assign(one, { id: handleOfKey(key) }))
          }
        }
        return found
      })
    },

    ids(callback) {
      return settle(callback, async () => {
        const ids: string[] = []
        for await (const page of listPages(store)) ids.push(...page.map(({ key }) => handleOfKey(key)))
        return ids
      })
    },

    length: (callback) => settle(callback, () => store.count()),

    clear(callback) {
      return settle(callback, async () => {
        for await (const page of listPages(store)) await Promise.all(page.map(({ key }) => store.destroy(key)))
      })
    },

    close: () => store.close(),
  }
  if (createSession === undefined) return Object.assign(base, methods)
  return Object.assign(base, methods, {
    createSession(req: object, loaded: WholeSession) {
      const session = createSession.call(base, req, loaded)
      sessions.remember(loaded, session)
      return session
    },
  })

  function settle<T>(callback: Callback<T> | undefined, work: () => Promise<T>): Promise<T> {
    const result = work().catch(rejectPlainly)
    // What the callback throws is its caller's, not ours; and where nobody looks at the promise, the error is still told.
    if (callback === undefined) result.catch(onError)
    else {
      result.then(
        (value) => process.nextTick(callback, null, value),
        (error: unknown) => process.nextTick(callback, error),
      )
    }
    return result
  }
}

/** express-session takes an error of this code for "no session". */
function rejectPlainly(error: unknown): never {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'ENOENT'
  throw isTaken ? unavailable(`the session store failed: ${error.message}`, error) : error
}

/** express-session's own class makes sessions of what `get` gives; that of `@fastify/session` does not. */
interface CreatesSessions {
  createSession(req: object, loaded: WholeSession): WholeSession
}

function handleOfKey(key: string): string {
  return `#${key}`
}

function keyOfHandle(sid: string): string | undefined {
  return /^#([\w-]{22})$/.exec(sid)?.[1]
}
