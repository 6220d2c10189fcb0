/** Runs one program on a host, argv only: there is no shell in between unless argv names one. */
export interface Shell {
  /** Resolves whatever the exit code; fails with `command-not-found` or, when the signal aborts, `command-timeout` after the program is gone. */
  run(argv: readonly string[], options: ShellOptions): Promise<ShellResult>
}

export interface ShellOptions {
  readonly signal: AbortSignal
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface ShellResult {
  /** null when a signal ended it. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}
