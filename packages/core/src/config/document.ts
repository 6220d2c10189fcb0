import { type Alias, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'
import type { Finding, Path } from './finding.ts'
import { type Mistake, mistake } from './reading.ts'
import { syntaxMistake } from './syntax.ts'

/** A YAML file as plain values, with the place where each of them was written. */
export interface Document {
  readonly value: unknown
  readonly mistakes: readonly SyntaxMistake[]
  /** Where a value stands; for one that was never written, where its nearest parent's key stands. */
  locate(finding: Pick<Finding, 'path' | 'at'>): Position
}

export interface SyntaxMistake extends Mistake {
  readonly position: Position
  /** What follows it may have been misread. */
  readonly misleads: boolean
}

export interface Position {
  readonly line: number
  readonly column: number
}

/** Values of a file, aliases followed: room for thousands of nodes, too little for a bomb. */
const mostValues = 200_000
const mostDepth = 50

export function readDocument(text: string): Document {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true, prettyErrors: false })
  const places = new Map<string, { key: number; value: number }>()
  const mistakes: SyntaxMistake[] = [...document.errors, ...document.warnings].map((error) => ({
    ...syntaxMistake(error),
    position: position(error.pos[0]),
    misleads: error.code !== 'DUPLICATE_KEY' && error.code !== 'TAG_RESOLVE_FAILED',
  }))
  const { value, refusals } = readValues(document.contents, {
    targets: aliasTargets(document),
    place: (path, key, value) => places.set(idOf(path), { key, value }),
  })
  mistakes.push(...refusals.map(({ offset, ...rest }) => ({ ...rest, position: position(offset), misleads: true })))

  function position(offset: number): Position {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  return {
    value,
    mistakes,
    locate: ({ path, at }) => {
      for (let length = path.length; length > 0; length--) {
        const found = places.get(idOf(path.slice(0, length)))
        if (found) return position(length === path.length && at === 'value' ? found.value : found.key)
      }
      return position(startOf(document.contents))
    },
  }
}

interface Walk {
  readonly targets: ReadonlyMap<Alias, Node>
  place(path: Path, keyOffset: number, valueOffset: number): void
}

/** Follows aliases and merge keys (`<<`), and gives up on what grows without measure. */
function readValues(root: unknown, { targets, place }: Walk) {
  const refusals: (Mistake & { offset: number })[] = []
  const open = new Set<Node>()
  let values = 0

  function refuse(node: unknown, message: string, remedy: string): null {
    refusals.push({ ...mistake(message, remedy), offset: startOf(node) })
    return null
  }

  function read(node: unknown, path: Path): unknown {
    if (values === mostValues || !isNode(node)) return null
    values += 1
    if (values === mostValues) return refuse(node, 'the file holds too much', 'use fewer aliases')
    if (path.length > mostDepth) return refuse(node, 'the file is nested too deeply', 'bring the value further up')
    const source = isAlias(node) ? targets.get(node) : node
    if (!source) return refuse(node, 'an alias without its anchor', 'write the anchor (&name) further up')
    if (open.has(source)) return refuse(node, 'an alias inside its own anchor', 'remove it')
    if (isScalar(source)) return source.value
    open.add(source)
    const value = isMap(source) ? readMap(source.items, path) : isSeq(source) ? readItems(source.items, path) : null
    open.delete(source)
    return value
  }

  function readItems(items: readonly unknown[], path: Path): unknown[] {
    return items.map((item, index) => {
      const inner = [...path, String(index)]
      place(inner, startOf(item), startOf(item))
      return read(item, inner)
    })
  }

  function readMap(pairs: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    // No prototype: a key named __proto__ is a key like any other.
    const record: Record<string, unknown> = Object.create(null)
    const sources = pairs.filter(isMerge).flatMap(({ value }) => (isSeq(value) ? value.items : [value]))
    // The last first, since an earlier source wins over a later one, and what is written here over both.
    for (const source of sources.reverse()) {
      const merged = read(source, path)
      if (typeof merged === 'object' && merged !== null && !Array.isArray(merged)) Object.assign(record, merged)
      else refuse(source, 'a merge of something else than a mapping', 'write <<: *name, with &name on a mapping')
    }
    for (const { key, value } of pairs.filter((pair) => !isMerge(pair))) {
      const name = isScalar(key) ? String(key.value) : '?'
      const inner = [...path, name]
      place(inner, startOf(key), isScalar(value) && value.value === null ? startOf(key) : startOf(value))
      record[name] = read(value, inner)
    }
    return record
  }

  return { value: read(root, []), refusals }
}

/** What each alias stands for: the last anchor of its name before it. */
function aliasTargets(document: ReturnType<typeof parseDocument>): Map<Alias, Node> {
  const anchors = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const source = anchors.get(node.source)
        if (source) targets.set(node, source)
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node as Node)
    },
  })
  return targets
}

function isMerge({ key }: { key: unknown }): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function idOf(path: Path): string {
  return JSON.stringify(path)
}
