import { makeDeadlines } from './deadline.ts'
import { type CallRouter, RedisCall } from './redis-call.ts'
import type { RedisLink } from './redis-link.ts'
import type { CallKind, Command, Reader } from './redis-servers.ts'
import type { Timeouts } from './store.ts'

/** Begins calls, each with the deadline of its kind. */
export interface Runner {
  run<T>(link: RedisLink, kind: CallKind, key: string, commands: readonly Command[], read: Reader<T>): Promise<T>
  close(): void
}

export function makeRunner(timeouts: Timeouts, router: CallRouter): Runner {
  const byKind = { load: makeDeadlines(timeouts.loadMs), commit: makeDeadlines(timeouts.commitMs) }
  // The first request may come before the first connection: it is not Redis' fault that the app has just started.
  let hasStarted = false
  const starting = makeDeadlines(Math.max(timeouts.connectMs, timeouts.commitMs))
  const all = [byKind.load, byKind.commit, starting]

  return {
    run(link, kind, key, commands, read) {
      hasStarted ||= !link.isStarting
      const deadlines = hasStarted ? byKind[kind] : starting
      return new Promise((resolve, reject) => {
        new RedisCall({ router, kind, key, commands, read, deadlines }, resolve, reject).start(link)
      })
    },

    close() {
      for (const deadlines of all) deadlines.close()
    },
  }
}
