import type { Terminal } from '../terminal.ts'
import { createJsonView } from './json.ts'
import { createLinesView } from './lines.ts'
import type { InflightSource } from './live.ts'
import type { View } from './view.ts'

/** JSON where it is asked for, a live picture on a terminal, plain lines elsewhere. */
export async function createView(options: {
  readonly json: boolean
  readonly terminal: Terminal
  readonly inflight: InflightSource
}): Promise<View> {
  if (options.json) return createJsonView(options.terminal)
  if (!options.terminal.isTty) return createLinesView(options.terminal)
  const { createLiveView } = await import('./live.ts')
  return createLiveView(options)
}
