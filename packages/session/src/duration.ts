const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `'250ms'`, `'30s'`, `'30m'`, `'12h'`, `'7d'`: in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim())
  const unit = match?.[2] === undefined ? undefined : unitMs[match[2]]
  return unit === undefined ? undefined : Number(match?.[1]) * unit
}
