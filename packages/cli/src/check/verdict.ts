/** What a check saw. `problem`: a deploy would fail; `warning`: it may, or it could not be told. */
export interface Verdict {
  readonly level: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** The next thing to do; always there unless all is well. */
  readonly remedy?: string
}

export function ok(message: string): Verdict {
  return { level: 'ok', message }
}

export function warning(message: string, remedy: string): Verdict {
  return { level: 'warning', message, remedy }
}

export function problem(message: string, remedy: string): Verdict {
  return { level: 'problem', message, remedy }
}

/** What could not be looked at has not passed. */
export function notChecked(why: string, remedy: string): Verdict {
  return warning(`not checked: ${why}`, remedy)
}

/** The system's own words for what went wrong, such as EACCES. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException)?.code ?? (error instanceof Error ? error.message : String(error))
}
