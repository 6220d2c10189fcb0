/** A mistake in a configuration file, and what to do about it. Holds no secret. */
export interface ConfigProblem {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** For example `nodes.web-1.address`; empty where the whole file is meant. */
  readonly path: string
  readonly message: string
  readonly remedy: string
}

/** One line a problem: `baton.yaml:12:5 nodes.web-1.addres: unknown key; did you mean address?` */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(formatProblem).join('\n')
}

function formatProblem({ file, line, column, path, message, remedy }: ConfigProblem): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}; ${remedy}`
}
