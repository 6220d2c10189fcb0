/** What became of a value as it was written: what it means, or what is wrong with it. */
export type Reading<T> = { readonly value: T } | Mistake

export interface Mistake {
  /** What is wrong, for example `must be a duration, not 30`. Holds no secret. */
  readonly message: string
  /** What to write instead. Holds no secret. */
  readonly remedy: string
}

export function mistake(message: string, remedy: string): Mistake {
  return { message, remedy }
}

/** A wrong value as a message shows it: short, and never a text that may hold a password. */
export function show(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing'
  if (Array.isArray(raw)) return 'a list'
  if (typeof raw === 'object') return 'a mapping'
  if (typeof raw !== 'string') return String(raw)
  if (/[@=]|:\/\//.test(raw)) return 'a text that may hold a password'
  return raw.length > 40 ? 'a long text' : JSON.stringify(raw)
}

/** What it is, without what it says. */
export function kindOf(raw: unknown): string {
  return typeof raw === 'object' || raw === undefined
    ? show(raw)
    : typeof raw === 'string'
      ? 'a text'
      : `a ${typeof raw}`
}

/** A mapping as YAML gives it, or undefined for anything else. */
export function asMapping(raw: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? (raw as Record<string, unknown>) : undefined
}
