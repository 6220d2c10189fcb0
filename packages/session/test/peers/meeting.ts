import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'

/** Where requests wait for each other, so that tests decide what comes first. */
export interface Meeting {
  /** Until as many requests as `all` are here. */
  meet(all: number): Promise<void>
  /** Until the answers before this one have left, so that each saves on top of what the others have saved. */
  inTurn(res: ServerResponse): Promise<unknown>
  /** Until somebody waits here. */
  somebody(): Promise<void>
}

export function meeting(): Meeting {
  const waiting: (() => void)[] = []
  let last: Promise<unknown> = Promise.resolve()
  return {
    meet(all) {
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (waiting.length >= all) for (const go of waiting.splice(0)) go()
      })
    },
    inTurn(res) {
      const before = last
      last = once(res, 'close')
      return before
    },
    async somebody() {
      while (waiting.length === 0) await turn()
    },
  }
}
