/** Runs the command line `argv` (without node and script) and resolves to the exit code. */
export async function main(argv: string[]): Promise<number> {
  console.error(`not wired yet: ${argv.join(' ')}`)
  return 2
}
