import { BatonError } from '@baton/core'

export interface Line {
  readonly keyword: string
  readonly args: readonly string[]
  /** Starts with `no`, as in `no option redispatch`. */
  readonly negated: boolean
  readonly line: number
}

export interface Section {
  readonly kind: string
  /** Empty where it has none. */
  readonly name: string
  readonly line: number
  readonly lines: readonly Line[]
  /** The `defaults` section that holds for it; null where none does. */
  readonly defaults: Section | null
}

const kinds = new Set(
  'global defaults frontend backend listen peers resolvers mailers userlist program http-errors ring cache fcgi-app log-forward'.split(
    ' ',
  ),
)
const withDefaults = new Set(['frontend', 'backend', 'listen'])

/** The sections of a haproxy.cfg (configuration manual, 2.1 and 2.2). Throws `haproxy-config-unreadable`. */
export function parseSections(text: string, file: string): readonly Section[] {
  const sections: (Section & { lines: Line[] })[] = []
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const words = splitWords(raw, `${file}:${line}`)
    const negated = words[0] === 'no'
    const [keyword, ...args] = negated ? words.slice(1) : words
    // `.if`, `.notice` and the like: what stands in a branch is read as if it held.
    if (keyword === undefined || keyword.startsWith('.')) continue
    if (kinds.has(keyword)) {
      const from = args.indexOf('from')
      const parent = from === -1 ? null : (args[from + 1] ?? null)
      const defaults = sections.filter(
        ({ kind, name }) => kind === 'defaults' && (parent === null ? withDefaults.has(keyword) : name === parent),
      )
      const name = from === 0 ? '' : (args[0] ?? '')
      sections.push({ kind: keyword, name, line, lines: [], defaults: defaults.at(-1) ?? null })
    } else {
      sections.at(-1)?.lines.push({ keyword, args, negated, line })
    }
  }
  return sections
}

/** The words of a line: quotes and backslashes are taken away, a `#` outside of them starts a comment. */
function splitWords(raw: string, where: string): string[] {
  const words: string[] = []
  let word: string | null = null
  let quote: string | null = null
  for (let at = 0; at < raw.length; at += 1) {
    const sign = raw.charAt(at)
    if (sign === '\\' && quote !== "'") {
      at += 1
      word = (word ?? '') + raw.charAt(at)
    } else if (quote !== null) {
      if (sign === quote) quote = null
      else word = (word ?? '') + sign
    } else if (sign === '"' || sign === "'") {
      quote = sign
      word ??= ''
    } else if (sign === '#') {
      break
    } else if (/\s/.test(sign)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + sign
    }
  }
  if (quote !== null) {
    throw new BatonError('haproxy-config-unreadable', `${where}: the quote ${quote} is not closed`, {
      hint: 'haproxy -c -f haproxy.cfg',
    })
  }
  if (word !== null) words.push(word)
  return words
}
