import { exitCodes } from '../exit-code.ts'
import type { Terminal } from '../terminal.ts'

/** The first SIGINT or SIGTERM lets the steps in hand end; the second leaves at once (the journal can still be resumed). */
export function listenForInterrupt(terminal: Terminal): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    terminal.err(`${signal}: the steps in hand end, then this stops; once more leaves at once`)
    controller.abort(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    signal: controller.signal,
    stop() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}
