import type { BatonEvent, DeployState } from '@baton/core'
import type { Terminal } from '../terminal.ts'
import { createJsonView } from './json.ts'
import { createLinesView } from './lines.ts'
import { createLiveView, type InflightSource } from './live.ts'

/** Shows a deploy as it goes on. */
export interface View {
  onEvent(event: BatonEvent, state: DeployState): void
  /** Leaves the last picture standing. */
  close(): void
}

/** JSON where it is asked for, a live picture on a terminal, plain lines elsewhere. */
export function createView(options: {
  readonly json: boolean
  readonly terminal: Terminal
  readonly inflight: InflightSource
}): View {
  if (options.json) return createJsonView(options.terminal)
  return options.terminal.isTty ? createLiveView(options) : createLinesView(options.terminal)
}
