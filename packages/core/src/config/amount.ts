import { mistake, type Reading, show } from './reading.ts'

export const batchPattern = '^(100|[1-9][0-9]?)%$'
export const percentPattern = '^(100|[1-9]?[0-9])%$'

/** Nodes out at once: so many, or a share of all. */
export type Batch = { readonly nodes: number } | { readonly percent: number }

export function readBatch(raw: unknown): Reading<Batch> {
  if (typeof raw === 'number' && Number.isInteger(raw) && raw >= 1) return { value: { nodes: raw } }
  if (typeof raw === 'string' && new RegExp(batchPattern).test(raw))
    return { value: { percent: Number.parseInt(raw, 10) } }
  return mistake(`must be a number of nodes or a percentage, not ${show(raw)}`, 'write 1 or more, or 1% to 100%')
}

/** How many nodes a batch is: a percentage rounds down, but to no less than one. */
export function batchSize(batch: Batch, nodes: number): number {
  return 'nodes' in batch ? batch.nodes : Math.max(1, Math.floor((nodes * batch.percent) / 100))
}

export function readPercent(raw: unknown): Reading<number> {
  if (typeof raw === 'string' && new RegExp(percentPattern).test(raw)) return { value: Number.parseInt(raw, 10) }
  const remedy = typeof raw === 'number' && raw >= 0 && raw <= 100 ? `write ${Math.round(raw)}%` : 'write 0% to 100%'
  return mistake(`must be a whole percentage, not ${show(raw)}`, remedy)
}

export function readWhole(raw: unknown, { least, most }: { least: number; most: number }): Reading<number> {
  if (typeof raw === 'number' && Number.isInteger(raw) && raw >= least && raw <= most) return { value: raw }
  const message = `must be a whole number from ${least} to ${most}, not ${show(raw)}`
  const unquoted = typeof raw === 'string' && /^\d+$/.test(raw)
  return mistake(message, unquoted ? 'write it without quotes' : `write one such as ${Math.max(least, 1)}`)
}
