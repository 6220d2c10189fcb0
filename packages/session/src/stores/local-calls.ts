import { SessionError } from '../errors.ts'
import { unavailable, within } from './deadline.ts'
import { full } from './local-sessions.ts'
import type { Shelf } from './local-shelf.ts'
import type { Sweep } from './local-sweep.ts'
import type { StoreHealth, Timeouts } from './store.ts'

/** How a call goes, whatever it does: in time, with errors that say what is wrong, and not after the store was closed. */
export interface Calls {
  /** At once, without a timer: nothing can come between. */
  read<T>(what: string, action: () => T): Promise<T>
  /** What `action` would give; undefined as well where it cannot be run right now. */
  peek<T>(action: () => T): T | undefined
  /** Where there is no room, once more after what has expired was swept. */
  write<T>(action: () => T): Promise<T>
  health(): StoreHealth
  close(): void
}

export function callsOn(shelf: Shelf, sweep: Sweep, timeouts: Pick<Timeouts, 'loadMs' | 'commitMs'>): Calls {
  let state: { readonly is: 'up' | 'down'; readonly atMs: number } = { is: 'up', atMs: performance.now() }
  let isClosed = false

  return {
    read,

    peek(action) {
      if (shelf.opening !== undefined || isClosed) return undefined
      try {
        shelf.refresh()
        return action()
      } catch {
        return undefined
      }
    },

    async write(action) {
      if (isClosed) throw closed()
      try {
        const written = await within(timeouts.commitMs, 'commit a session', withRoom(action))
        become('up')
        if (written !== full) return written
      } catch (error) {
        // Refusing what the rules refuse is part of working well.
        if (!(error instanceof SessionError) || error.code === 'session-unavailable') become('down')
        throw error
      }
      throw isFull()
    },

    health: () => ({ state: state.is, sinceMs: performance.now() - state.atMs }),

    close() {
      isClosed = true
      become('down')
    },
  }

  function read<T>(what: string, action: () => T): Promise<T> {
    if (isClosed) return Promise.reject(closed())
    if (shelf.opening !== undefined) {
      const opened = shelf.opening.then(() => read(what, action))
      opened.catch(() => become('down'))
      return within(timeouts.loadMs, what, opened)
    }
    try {
      shelf.refresh()
      const result = action()
      if (state.is === 'down') become('up')
      return Promise.resolve(result)
    } catch (cause) {
      become('down')
      const why = cause instanceof Error ? cause.message : String(cause)
      return Promise.reject(unavailable(`the session store failed to ${what}: ${why}`, cause))
    }
  }

  async function withRoom<T>(action: () => T): Promise<T | typeof full> {
    if (shelf.opening !== undefined) await shelf.opening
    const written = await shelf.write(() => orFull(action))
    if (written !== full) return written
    await sweep.walk()
    return shelf.write(() => orFull(action))
  }

  function become(next: 'up' | 'down'): void {
    if (state.is !== next) state = { is: next, atMs: performance.now() }
  }
}

function orFull<T>(action: () => T): T | typeof full {
  try {
    return action()
  } catch (error) {
    if (error === full) return full
    throw error
  }
}

function isFull(): SessionError {
  return new SessionError(
    'session-unavailable',
    'the session store is full, and nothing in it has expired: raise maxBytes in its URL (lmdb:<folder>?maxBytes=512MiB), ' +
      'keep less in each session, or let sessions end sooner (maxInactiveInterval)',
  )
}

function closed(): SessionError {
  return new SessionError(
    'session-unavailable',
    'this process has closed its session store; it serves no more requests',
  )
}
