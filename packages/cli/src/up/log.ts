import type { Clock } from '@baton/core'
import type { Terminal } from '../terminal.ts'

/** What `baton up` has to say: plain lines with the time of day (UTC), or JSON. */
export interface UpLog {
  readonly json: boolean
  readonly terminal: Terminal
  say(type: string, text: string, more?: Readonly<Record<string, unknown>>): void
}

export function createUpLog(options: {
  readonly json: boolean
  readonly terminal: Terminal
  readonly clock: Clock
}): UpLog {
  const { json, terminal, clock } = options
  return {
    json,
    terminal,
    say(type, text, more = {}) {
      const at = new Date(clock.now()).toISOString()
      if (json) terminal.out(JSON.stringify({ at, type, text, ...more }))
      else for (const line of text.split('\n')) terminal.out(`${at.slice(11, 19)}  ${line}`)
    },
  }
}
