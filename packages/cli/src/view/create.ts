import type { Terminal } from '../terminal.ts'
import { createJsonView } from './json.ts'
import { createLinesView } from './lines.ts'
import { createLiveView, type InflightSource } from './live.ts'
import type { View } from './view.ts'

/** JSON where it is asked for, a live picture on a terminal, plain lines elsewhere. */
export function createView(options: {
  readonly json: boolean
  readonly terminal: Terminal
  readonly inflight: InflightSource
}): View {
  if (options.json) return createJsonView(options.terminal)
  return options.terminal.isTty ? createLiveView(options) : createLinesView(options.terminal)
}
