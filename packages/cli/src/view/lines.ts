import { type BatonEvent, describe } from '@baton/core'
import type { Terminal } from '../terminal.ts'
import type { View } from './view.ts'

/** One plain line per event, with the time of day (UTC). */
export function createLinesView(terminal: Terminal): View {
  return {
    onEvent: (event) => {
      for (const line of linesOf(event)) terminal.out(line)
    },
    close: () => {},
  }
}

export function linesOf(event: BatonEvent): string[] {
  const { line, details } = describe(event)
  return [`${event.at.slice(11, 19)}  ${line}`, ...details.map((each) => `          ${each}`)]
}
