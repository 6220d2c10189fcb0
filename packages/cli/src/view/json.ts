import type { Terminal } from '../terminal.ts'
import type { View } from './view.ts'

/** One event per line, and nothing else. */
export function createJsonView(terminal: Terminal): View {
  return {
    onEvent: (event) => terminal.out(JSON.stringify(event)),
    close: () => {},
  }
}
