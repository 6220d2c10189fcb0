import { finish, touchIfDue } from './request/commit.ts'
import type { RequestContext } from './request/context.ts'
import { Hold, type Renewer } from './request/hold.ts'
import { unlock } from './request/lock.ts'
import type { Session } from './session.ts'
import { sessionOf } from './session-proxy.ts'
import type { Wanted } from './stores/store.ts'

/** One request's hold on a session: what adapters drive. */
export interface RequestSession {
  /** Of the adapter, if it has one: what `regenerate` with a callback asks. */
  renewer: Renewer | undefined
  readonly session: Session
  /**
   * To be settled before the first byte of the headers, and again at the end of the answer: writes what changed. Gives
   * undefined when there is nothing to wait for. Rejects with SessionError; then the answer is an error, without cookie.
   */
  commit(): Promise<void> | undefined
  /** The headers leave now: what to do about the cookie. */
  takeCookie(): { readonly set: string } | 'clear' | undefined
  /** The version that this request has written last, which the client is to see from now on; undefined: it wrote nothing. */
  takeVersion(): number | undefined
  /** The answer has ended, and so has what the session's lock was for. May be called several times. */
  ended(): void
}

export interface OpenOptions {
  /**
   * `fresh`: straight from the store, whatever is cached. `optional`: while the store is away, there is an empty session
   * whose `available` is false. `stale-ok`: while the store is away, a cached session will do, however old.
   */
  readonly mode?: 'normal' | 'fresh' | 'optional' | 'stale-ok'
}

/** What a browser says of its session. */
export interface Named {
  /** The hash of the id; '' for none. */
  readonly key: string
  /** The version that the browser has seen committed, where there is a near cache. */
  readonly atLeast: number | undefined
}

/**
 * At once, if nothing has to be asked of the store: no id, or a near cache has the session. Rejects with SessionError if the
 * store cannot say whether there is a session.
 */
export function openRequestSession(
  { key, atLeast }: Named,
  context: RequestContext,
  mode: OpenOptions['mode'],
): RequestSession | Promise<RequestSession> {
  const opened = new OpenedSession(context, key, mode === 'optional')
  const want = wanted(mode, atLeast)
  return opened.openNow(want) ? opened : opened.open(want).then(() => opened)
}

class OpenedSession extends Hold implements RequestSession {
  private made: Session | undefined = undefined

  get session(): Session {
    this.made ??= sessionOf(this)
    return this.made
  }

  commit(): Promise<void> | undefined {
    if (this.steps === 0 && !this.endIsWanted) {
      // A new interval alone begins no session.
      const intervalIsNew = this.life === 'alive' && this.maxInactiveMs !== this.storedInactiveMs
      if (!intervalIsNew && this.attributes.changes().length === 0) {
        touchIfDue(this)
        return undefined
      }
    }
    return this.inOrder(finish)
  }

  takeCookie(): { readonly set: string } | 'clear' | undefined {
    this.headIsGone = true
    return this.cookie
  }

  takeVersion(): number | undefined {
    return this.written
  }

  ended(): void {
    if (this.lockHolder !== undefined || this.steps > 0) this.inOrder(unlock).catch(this.context.onError)
  }
}

const wants: Readonly<Record<NonNullable<OpenOptions['mode']>, Wanted | undefined>> = {
  normal: undefined,
  optional: undefined,
  fresh: { fresh: true },
  'stale-ok': { staleOk: true },
}

function wanted(mode: OpenOptions['mode'], atLeast: number | undefined): Wanted | undefined {
  const want = wants[mode ?? 'normal']
  return atLeast === undefined ? want : { ...want, atLeast }
}
