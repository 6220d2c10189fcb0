import { BatonError } from '@baton/core'

/** Where a verb writes: results and events to standard output, diagnostics to standard error. */
export interface Terminal {
  readonly isTty: boolean
  out(line: string): void
  err(line: string): void
}

export function processTerminal(): Terminal {
  // Whoever reads may go away (`baton plan | head`): what is under way goes on, unread.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  return {
    isTty: process.stdout.isTTY === true && process.env.TERM !== 'dumb',
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
  }
}

/** An error for people: what is wrong, the app's last words, and the next thing to do. */
export function printError(error: unknown, terminal: Terminal): void {
  if (!(error instanceof BatonError)) {
    terminal.err(`baton: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    terminal.err('this is a fault in Baton itself: please report it with the lines above')
    return
  }
  terminal.err(`baton: ${error.message}`)
  for (const line of error.log ?? []) terminal.err(`  | ${line}`)
  if (error.hint !== undefined) terminal.err(`  ${error.hint}`)
}
