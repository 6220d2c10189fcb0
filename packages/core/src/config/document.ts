import { LineCounter, parseDocument } from 'yaml'
import type { Finding, Path } from './finding.ts'
import type { Mistake } from './reading.ts'
import { syntaxMistake } from './syntax.ts'
import { type Place, readValues, startOf } from './values.ts'

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
  const { value, refusals } = readValues(document, (path, found) => {
    places.set(idOf(path), found)
    const parent = idOf(path.slice(0, -1))
    orders.set(parent, (orders.get(parent) ?? new Set()).add(path.at(-1)!))
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

/** One slip makes the parser stumble several times. */
function firstOfLines<T extends { offset: number }>(errors: readonly T[], lines: LineCounter): T[] {
  const seen = new Set<number>()
  return errors.filter(({ offset }) => {
    const { line } = lines.linePos(offset)
    return !seen.has(line) && seen.add(line)
  })
}

function idOf(path: Path): string {
  return JSON.stringify(path)
}
