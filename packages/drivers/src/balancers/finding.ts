/** What `check` found in the configuration of a balancer. */
export interface Finding {
  /** kebab-case, stable. */
  readonly rule: string
  /** `problem`: a deploy loses or doubles requests, or cannot work. `warning`: it may, or something else suffers. */
  readonly level: 'problem' | 'warning'
  /** `file:line`, or a path where no line is meant. */
  readonly where: string
  /** What is wrong and why, with its consequence for a deploy. */
  readonly message: string
  /** What to type. */
  readonly remedy: string
}

/** Sorted by file, line and rule; the same thing said twice stands once. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const unique = new Map(findings.map((finding) => [`${finding.rule} ${finding.where} ${finding.message}`, finding]))
  return [...unique.values()].sort((a, b) => {
    const [placeA, placeB] = [place(a.where), place(b.where)]
    return compare(placeA.file, placeB.file) || placeA.line - placeB.line || compare(a.rule, b.rule)
  })
}

function place(where: string): { file: string; line: number } {
  const match = /^(.*):(\d+)$/.exec(where)
  return { file: match?.[1] ?? where, line: Number(match?.[2] ?? 0) }
}

/** By code unit: the order must not depend on anybody's locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
