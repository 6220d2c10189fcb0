import type { Finding } from '@baton/drivers'
import type { Observation } from './check.ts'

/** Findings as results of a check, the worst first; null where there are none. */
export function observe(id: string, findings: readonly Finding[]): readonly Observation[] | null {
  if (findings.length === 0) return null
  const worstFirst = [...findings].sort((a, b) => Number(b.level === 'problem') - Number(a.level === 'problem'))
  return worstFirst.map(({ rule, level, where, message, remedy }) => ({
    id: `${id}/${rule}`,
    subject: where,
    level,
    message,
    remedy,
  }))
}
