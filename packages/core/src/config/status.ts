import { mistake, type Reading, show } from './reading.ts'

export type StatusRange = readonly [from: number, to: number]

export const statusPattern = '^([2-5]xx|[2-5][0-9]{2}(-[2-5][0-9]{2})?)$'

/** Reads a status (200), a class ('2xx'), a range ('200-299'), or a list of these, as inclusive ranges. */
export function readStatus(raw: unknown): Reading<readonly StatusRange[]> {
  const list = Array.isArray(raw) ? raw : [raw]
  if (list.length === 0) return mistake('is an empty list', 'write one such as 200, 2xx or 200-399')
  const value: StatusRange[] = []
  for (const each of list) {
    const range = readRange(each)
    if (!range)
      return mistake(`must be an HTTP status, not ${show(each)}`, 'write 200, 2xx, 200-399, or a list of these')
    if (range[0] > range[1])
      return mistake(`is a range that ends before it begins: ${each}`, 'write the lower status first')
    value.push(range)
  }
  return { value }
}

function readRange(raw: unknown): StatusRange | undefined {
  if ((typeof raw !== 'string' && typeof raw !== 'number') || !new RegExp(statusPattern).test(String(raw)))
    return undefined
  const text = String(raw)
  if (text.endsWith('xx')) return [Number(text[0]) * 100, Number(text[0]) * 100 + 99]
  const [from, to = from] = text.split('-').map(Number)
  return [from!, to!]
}
