import type { Line, Section } from './sections.ts'

/** The lines of a keyword in a section, in its `defaults` where it has none itself. */
export function inEffect(section: Section, keyword: string): readonly Line[] {
  for (let scope: Section | null = section; scope !== null; scope = scope.defaults) {
    const found = scope.lines.filter((line) => line.keyword === keyword && !line.negated)
    if (found.length > 0) return found
  }
  return []
}

/** The last line that switches an option on or off; null where it is off. */
export function option(section: Section, name: string): Line | null {
  for (let scope: Section | null = section; scope !== null; scope = scope.defaults) {
    const found = scope.lines.findLast(({ keyword, args }) => keyword === 'option' && args[0] === name)
    if (found !== undefined) return found.negated ? null : found
  }
  return null
}

/** `timeout <name>` in milliseconds; null where it is not set. */
export function timeoutMs(section: Section, name: string): number | null {
  for (let scope: Section | null = section; scope !== null; scope = scope.defaults) {
    const found = scope.lines.findLast(({ keyword, args }) => keyword === 'timeout' && args[0] === name)
    if (found !== undefined) return durationMs(found.args[1] ?? '')
  }
  return null
}

const unitsMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** HAProxy's times: milliseconds where no unit stands. null for anything else. */
export function durationMs(text: string): number | null {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text)
  return match === null ? null : Number(match[1]) * (unitsMs[match[2] ?? 'ms'] ?? 1)
}
