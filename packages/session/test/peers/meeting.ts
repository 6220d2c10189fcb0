import { setImmediate as turn } from 'node:timers/promises'

/** Where requests wait for each other, so that tests decide what comes first. */
export interface Meeting {
  /** Until as many requests as `all` are here. */
  meet(all: number): Promise<void>
  /** Until somebody waits here. */
  somebody(): Promise<void>
}

export function meeting(): Meeting {
  const waiting: (() => void)[] = []
  return {
    meet(all) {
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (waiting.length >= all) for (const go of waiting.splice(0)) go()
      })
    },
    async somebody() {
      while (waiting.length === 0) await turn()
    },
  }
}
