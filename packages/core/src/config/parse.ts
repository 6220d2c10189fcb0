import { appFindings } from './apps.ts'
import { balancerFindings } from './balancers.ts'
import { type Document, type Position, readDocument } from './document.ts'
import { draftOf } from './draft.ts'
import type { Finding, Path } from './finding.ts'
import { floorFindings } from './floor.ts'
import { findingsOf } from './issues.ts'
import { listenerFindings } from './listeners.ts'
import { nameFindings } from './names.ts'
import type { ConfigProblem } from './problem.ts'
import { rampFindings } from './ramp-order.ts'
import { asMapping, kindOf, type Mistake, mistake } from './reading.ts'
import { resolveConfig } from './resolution.ts'
import { configSchema, sections } from './schema.ts'
import { timingFindings } from './timing.ts'
import { tomcatFindings } from './tomcat-nodes.ts'
import type { Config } from './types.ts'

/** In characters: room for thousands of nodes. */
const longestText = 524_288
const deepestNesting = 500

/**
 * Reads the text of a configuration file; `file` names it in problems. Gives the configuration with every default filled
 * in, or all that is wrong with it, in the order of the file.
 */
export function parseConfig(text: string, file: string): { config: Config } | { problems: ConfigProblem[] } {
  if (isTooMuch(text)) {
    const wrong = mistake(
      'the file is larger, or nested deeper, than any configuration',
      'name a baton.yaml with --config',
    )
    return { problems: [problemAt({ line: 1, column: 1 }, { ...wrong, path: [], file })] }
  }
  const document = readDocument(text)
  const { findings, config } = decide(document)
  const problems = [
    ...document.mistakes.map(({ position, path, ...wrong }) => problemAt(position, { ...wrong, path, file })),
    ...findings
      .filter((finding) => document.trusts(finding))
      .map((finding) => problemAt(document.locate(finding), { ...finding, file })),
  ]
  if (config && problems.length === 0) return { config }
  return { problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) }
}

/** Looked at before the YAML parser sees it, which recurses. */
function isTooMuch(text: string): boolean {
  if (text.length > longestText || /^ *(- ){500}/m.test(text)) return true
  let depth = 0
  for (const [mark] of text.matchAll(/[[{\]}]/g)) {
    depth += mark === ']' || mark === '}' ? -1 : 1
    if (depth > deepestNesting) return true
  }
  return false
}

/** What no field can tell alone. */
const checks = [
  nameFindings,
  balancerFindings,
  appFindings,
  listenerFindings,
  floorFindings,
  rampFindings,
  timingFindings,
  tomcatFindings,
]

function decide(document: Document): { findings: Finding[]; config?: Config } {
  const root = asMapping(document.value)
  if (!root) return { findings: [noMapping(document.value)] }
  const raw = withoutEmptySections(root)
  const nodeIds = asMapping(raw.nodes) ? document.keys(['nodes']) : []
  const draft = draftOf(raw, nodeIds)
  const whole = configSchema.safeParse(raw)
  const findings = withoutEchoes([
    ...(whole.success ? [] : findingsOf(whole.error, raw)),
    ...checks.flatMap((check) => check(draft)),
  ])
  if (!whole.success || findings.length > 0) return { findings }
  return { findings, config: resolveConfig(whole.data, nodeIds) }
}

/** A key that is mistyped is not missing as well. */
function withoutEchoes(findings: readonly Finding[]): Finding[] {
  const meant = new Set(findings.map((finding) => JSON.stringify(finding.meant)))
  return findings.filter(({ path, ofWhole }) => !ofWhole || !meant.has(JSON.stringify(path)))
}

function noMapping(value: unknown): Finding {
  const wrong =
    value === null
      ? mistake('the file is empty', 'write one with baton init')
      : mistake(
          `the file must be a mapping, not ${kindOf(value)}`,
          'begin it with name: shop, or write one with baton init',
        )
  return { ...wrong, path: [], at: 'value', ofWhole: true }
}

/** A section, or a node, with nothing below it is one with nothing set. */
function withoutEmptySections(root: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const raw = Object.entries(root).filter(([key, value]) => value !== null || !(key in sections))
  const nodes = asMapping(root.nodes)
  const filled = nodes && Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, node ?? {}]))
  return { ...Object.fromEntries(raw), ...(filled && { nodes: filled }) }
}

function problemAt(position: Position, { file, path, message, remedy }: Mistake & { file: string; path: Path }) {
  return { file, ...position, path: path.map(shownKey).join('.'), message, remedy }
}

/** A key as it may be shown: `TOKEN=secret`, written by mistake, is cut at the `=`. */
function shownKey(key: string): string {
  const plain = /^[\w-]*/.exec(key)![0].slice(0, 64)
  return plain === key ? key : `${plain}…`
}
