import { type Command, CommanderError } from 'commander'
import { exitCodeOf, exitCodes } from './exit-code.ts'
import { createProgram } from './program.ts'
import { printError, processTerminal } from './terminal.ts'

/** Runs the command line `argv` (without node and script) and resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal()
  let exitCode: number = exitCodes.done
  const program = createProgram(terminal, (code) => {
    exitCode = code
  })
  for (const command of withAllBelow(program)) command.exitOverride()
  try {
    if (argv.length === 0) program.help({ error: true })
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has printed its own message; help and version are no mistakes.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    printError(error, terminal)
    return exitCodeOf(error)
  }
}

function withAllBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withAllBelow)]
}
