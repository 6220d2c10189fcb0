import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join, relative } from 'node:path'
import { repository } from '@baton/testkit'
import { canKeepAwake } from './awake.ts'

/** The machine that the figures are of. */
export function describeMachine(): string {
  const cores = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const awake = canKeepAwake() ? 'kept awake' : 'which may fall asleep'
  return `${cores[0]?.model.trim() ?? 'unknown processor'}, ${cores.length} cores ${awake}, ${memory}, Linux ${release()}, Node.js ${process.versions.node}`
}

/** Prints the page and keeps it as bench/results/<name>.md; that of a smoke run goes to .tmp/, where it can't be mistaken. */
export function publish(name: string, lines: readonly string[], { quick }: { quick: boolean }): void {
  const folder = join(repository, quick ? '.tmp' : 'bench/results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.md`)
  writeFileSync(file, `${lines.join('\n')}\n`)
  console.log(`${lines.join('\n')}\n\nwritten to ${relative(repository, file)}`)
}

/** Rows of a Markdown table, the first the heads; numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
