/** In which file what is replaced by what; `from` stands there exactly once. */
export type Edit = readonly [file: string, from: string, to: string]

export type Files = Readonly<Record<string, string>>

/** The files after the edits. Fails where an edit finds nothing to replace, or more than one place. */
export function edited(files: Files, edits: readonly Edit[]): Files {
  const result = { ...files }
  for (const [file, from, to] of edits) {
    const parts = (result[file] ?? '').split(from)
    if (parts.length !== 2) throw new Error(`${file} has ${JSON.stringify(from)} ${parts.length - 1} times`)
    result[file] = parts.join(to)
  }
  return result
}

/** The line on which a text stands, from 1. */
export function lineOf(text: string, part: string): number {
  const at = text.indexOf(part)
  if (at === -1) throw new Error(`there is no ${JSON.stringify(part)}`)
  return text.slice(0, at).split('\n').length
}
