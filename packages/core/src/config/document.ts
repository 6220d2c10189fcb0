import { type Alias, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'
import type { Finding, Path } from './finding.ts'
import { asMapping, type Mistake, mistake } from './reading.ts'
import { syntaxMistake } from './syntax.ts'

/** A YAML file as plain values, with the place where each of them was written. */
export interface Document {
  readonly value: unknown
  readonly mistakes: readonly (Mistake & { readonly path: Path; readonly position: Position })[]
  /** Where a value stands; for one that was never written, where its nearest parent's key stands. */
  locate(finding: Pick<Finding, 'path' | 'at'>): Position
  /** Whether it can be told: after a syntax error the rest may be misread, and what seems missing may stand there. */
  trusts(finding: Pick<Finding, 'path' | 'ofWhole'>): boolean
  /** The keys of the mapping at `path` in the order of the file, which an object does not keep for keys such as 10 and 2. */
  keys(path: Path): readonly string[]
}

export interface Position {
  readonly line: number
  readonly column: number
}

/** Values of a file, aliases followed: room for thousands of nodes, too little for a bomb. */
const mostValues = 50_000
const mostDepth = 50

export function readDocument(text: string): Document {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    stringKeys: true,
    prettyErrors: false,
    // Found below, where the path is known.
    uniqueKeys: false,
  })
  const places = new Map<string, Place>()
  const orders = new Map<string, Set<string>>()
  const { value, refusals } = readValues(document.contents, {
    targets: aliasTargets(document),
    place: (path, found) => {
      places.set(idOf(path), found)
      const parent = idOf(path.slice(0, -1))
      orders.set(parent, (orders.get(parent) ?? new Set()).add(path.at(-1)!))
    },
  })
  const errors = [...document.errors, ...document.warnings].map((error) => ({
    ...syntaxMistake(error),
    path: [],
    offset: error.pos[0],
    misleads: error.code !== 'TAG_RESOLVE_FAILED',
  }))
  const mistakes = [...firstOfLines(errors, lines), ...refusals]
  const misread = mistakes.reduce((least, each) => (each.misleads ? Math.min(least, each.offset) : least), Infinity)
  // Of a node that is written twice, one is lost.
  const incomplete = mistakes.some(({ misleads, path }) => misleads || path[0] === 'nodes')

  function position(offset: number): Position {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  return {
    value,
    mistakes: mistakes.map(({ message, remedy, path, offset }) => ({
      message,
      remedy,
      path,
      position: position(offset),
    })),
    locate: ({ path, at }) => {
      for (let length = path.length; length > 0; length--) {
        const found = places.get(idOf(path.slice(0, length)))
        if (found) return position(length === path.length && at === 'value' ? found.value : found.key)
      }
      return position(startOf(document.contents))
    },
    trusts: ({ path, ofWhole }) =>
      ofWhole ? !incomplete : misread === Infinity || (places.get(idOf(path))?.end ?? Infinity) < misread,
    keys: (path) => [...(orders.get(idOf(path)) ?? [])],
  }
}

/** Offsets in the text. */
interface Place {
  readonly key: number
  readonly value: number
  readonly end: number
}

interface Refusal extends Mistake {
  readonly path: Path
  readonly offset: number
  /** What follows it may have been misread. */
  readonly misleads: boolean
}

interface Walk {
  readonly targets: ReadonlyMap<Alias, Node>
  place(path: Path, found: Place): void
}

/** Follows aliases and merge keys (`<<`), and gives up on what grows without measure. */
function readValues(root: unknown, { targets, place }: Walk) {
  const refusals: Refusal[] = []
  const open = new Set<Node>()
  let values = 0

  function refuse(node: unknown, path: Path, wrong: Mistake): null {
    refusals.push({ ...wrong, path, offset: startOf(node), misleads: true })
    return null
  }

  function read(node: unknown, path: Path): unknown {
    if (values === mostValues || !isNode(node)) return null
    values += 1
    if (values === mostValues)
      return refuse(node, path.slice(0, 1), mistake('the file holds too much', 'use fewer aliases'))
    if (path.length > mostDepth)
      return refuse(node, path, mistake('the file is nested too deeply', 'bring the value further up'))
    const source = isAlias(node) ? targets.get(node) : node
    if (!source)
      return refuse(node, path, mistake('an alias without its anchor', 'write the anchor (&name) further up'))
    if (open.has(source)) return refuse(node, path, mistake('an alias inside its own anchor', 'remove it'))
    if (isScalar(source)) return source.value
    open.add(source)
    const value = isMap(source) ? readMap(source.items, path) : isSeq(source) ? readItems(source.items, path) : null
    open.delete(source)
    return value
  }

  function readItems(items: readonly unknown[], path: Path): unknown[] {
    return items.map((item, index) => {
      const inner = [...path, String(index)]
      place(inner, placeOf(item, item))
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
      if (asMapping(merged)) Object.assign(record, merged)
      else if (merged !== null)
        refuse(source, path, mistake('a merge of no mapping', 'write <<: *name, with &name on a mapping'))
    }
    const written = new Set<string>()
    for (const { key, value } of pairs.filter((pair) => !isMerge(pair))) {
      const name = isScalar(key) ? String(key.value) : '?'
      const inner = [...path, name]
      if (written.has(name)) {
        refusals.push({
          ...mistake('duplicate key', 'keep one of them'),
          path: inner,
          offset: startOf(key),
          misleads: false,
        })
        continue
      }
      written.add(name)
      place(inner, placeOf(key, value))
      record[name] = read(value, inner)
    }
    return record
  }

  return { value: read(root, []), refusals }
}

/** One slip makes the parser stumble several times. */
function firstOfLines<T extends { offset: number }>(errors: readonly T[], lines: LineCounter): T[] {
  const seen = new Set<number>()
  return errors.filter(({ offset }) => {
    const { line } = lines.linePos(offset)
    return !seen.has(line) && seen.add(line)
  })
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

function placeOf(key: unknown, value: unknown): Place {
  const written = isNode(value) && !(isScalar(value) && value.value === null)
  return { key: startOf(key), value: startOf(written ? value : key), end: isNode(value) ? (value.range?.[1] ?? 0) : 0 }
}

function idOf(path: Path): string {
  return JSON.stringify(path)
}
