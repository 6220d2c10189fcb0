const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
}

/** nginx' times: `75`, `4s`, `1m 30s`, `500ms`; seconds where no unit stands. null for anything else (a variable, `off`). */
export function durationMs(text: string): number | null {
  if (!/^(\s*\d+\s*(ms|[smhdwMy])?)+\s*$/.test(text)) return null
  const parts = [...text.matchAll(/(\d+)\s*(ms|[smhdwMy])?/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitsMs[unit ?? 's'] ?? 0), 0)
}
