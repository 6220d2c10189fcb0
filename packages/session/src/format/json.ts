/**
 * Two shortcuts around JSON's text for values that came out of `parseJson`, several times as fast as writing them anew to
 * compare: keep what was parsed, hand out a copy, and compare that with it in the end.
 */

/** A copy of a parsed JSON value, down to the last object. Throws RangeError for thousands of levels. */
export function copyJson(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? copyOf(value) : value
}

/**
 * Whether `value`, once a copy of `original`, would certainly be written as the same JSON, the order of keys aside.
 * false says nothing: what is no plain JSON, or nests too deeply, is for JSON.stringify to judge.
 */
export function isSameJson(value: unknown, original: unknown): boolean {
  try {
    return isEqual(value, original)
  } catch {
    return false
  }
}

function copyOf(value: object): object {
  if (Array.isArray(value)) {
    const copy = new Array<unknown>(value.length)
    for (let index = 0; index < value.length; index += 1) copy[index] = copyJson(value[index])
    return copy
  }
  const copy: Record<string, unknown> = {}
  for (const key in value) copy[key] = copyJson((value as Record<string, unknown>)[key])
  return copy
}

function isEqual(value: unknown, original: unknown): boolean {
  // JSON writes -0 as 0, so these two need no care.
  if (value === original) return true
  if (typeof value !== 'object' || typeof original !== 'object' || value === null || original === null) return false
  const prototype = Object.getPrototypeOf(value)
  if (Array.isArray(original)) {
    return prototype === Array.prototype && Array.isArray(value) && areEqual(value, original)
  }
  return (
    prototype === Object.prototype &&
    hasEqual(value as Readonly<Record<string, unknown>>, original as Readonly<Record<string, unknown>>)
  )
}

function areEqual(values: readonly unknown[], originals: readonly unknown[]): boolean {
  if (values.length !== originals.length) return false
  for (let index = 0; index < originals.length; index += 1) {
    if (!isEqual(values[index], originals[index])) return false
  }
  return true
}

function hasEqual(value: Readonly<Record<string, unknown>>, original: Readonly<Record<string, unknown>>): boolean {
  let more = 0
  for (const key in original) {
    if (!isEqual(value[key], original[key])) return false
    more -= 1
  }
  for (const _ in value) more += 1
  return more === 0
}
