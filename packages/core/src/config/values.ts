import { type Alias, isAlias, isMap, isNode, isScalar, isSeq, type Node, type parseDocument, visit } from 'yaml'
import type { Path } from './finding.ts'
import { asMapping, type Mistake, mistake } from './reading.ts'

type Parsed = ReturnType<typeof parseDocument>

/** Values of a file, aliases followed: room for thousands of nodes, too little for a bomb. */
const mostValues = 50_000
const mostDepth = 50

/** Offsets in the text. */
export interface Place {
  readonly key: number
  readonly value: number
  readonly end: number
}

export interface Refusal extends Mistake {
  readonly path: Path
  readonly offset: number
  /** What follows it may have been misread. */
  readonly misleads: boolean
}

/**
 * A document as plain values. Follows aliases and merge keys (`<<`), and gives up on what grows without measure; tells `place`
 * where everything stands.
 */
export function readValues(document: Parsed, place: (path: Path, found: Place) => void) {
  const targets = aliasTargets(document)
  const refusals: Refusal[] = []
  const open = new Set<Node>()
  let values = 0

  function refuse({ node, path }: { node: unknown; path: Path }, message: string, remedy: string): null {
    refusals.push({ ...mistake(message, remedy), path, offset: startOf(node), misleads: true })
    return null
  }

  function read(node: unknown, path: Path): unknown {
    if (values === mostValues || !isNode(node)) return null
    values += 1
    const top = path.slice(0, 1)
    if (values === mostValues) return refuse({ node, path: top }, 'the file holds too much', 'use fewer aliases')
    if (path.length > mostDepth) return refuse({ node, path }, 'is nested too deeply', 'bring it further up')
    const source = isAlias(node) ? targets.get(node) : node
    if (!source) return refuse({ node, path }, 'an alias without its anchor', 'write the anchor (&name) further up')
    if (open.has(source)) return refuse({ node, path }, 'an alias inside its own anchor', 'remove it')
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
      else if (merged !== null) refuse({ node: source, path }, 'a merge of no mapping', 'write <<: *name of a mapping')
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

  return { value: read(document.contents, []), refusals }
}

/** What each alias stands for: the last anchor of its name before it. */
function aliasTargets(document: Parsed): Map<Alias, Node> {
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

export function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function placeOf(key: unknown, value: unknown): Place {
  const written = isNode(value) && !(isScalar(value) && value.value === null)
  return { key: startOf(key), value: startOf(written ? value : key), end: isNode(value) ? (value.range?.[1] ?? 0) : 0 }
}
