/**
 * What `read` makes of a text, remembered for texts that come again and again, such as the Cookie headers of browsers that
 * keep asking. Holds up to twice `maxTexts`, and none over `maxLength`: those are read each time.
 */
export function remembered<T>(
  read: (text: string) => T,
  { maxTexts = 2_000, maxLength = 1_024 } = {},
): (text: string) => T {
  let recent = new Map<string, T>()
  let former = new Map<string, T>()

  return (text) => {
    const known = recent.get(text)
    if (known !== undefined || recent.has(text)) return known as T
    if (text.length > maxLength) return read(text)
    const value = former.has(text) ? (former.get(text) as T) : read(text)
    if (recent.size >= maxTexts) {
      former = recent
      recent = new Map()
    }
    recent.set(text, value)
    return value
  }
}
