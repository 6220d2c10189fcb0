import { BatonError } from '@baton/core'
import { endOfLuaBlock } from './lua-block.ts'

/** A word of a directive, or one of the signs that end it. */
export interface Token {
  readonly kind: 'word' | ';' | '{' | '}' | 'end'
  /** Unquoted and unescaped. */
  readonly text: string
  readonly line: number
}

export interface TokenReader {
  next(): Token
  /** After the `{` of a Lua block: its text; the reader goes on behind its `}`. */
  lua(): string
}

const escapes: Readonly<Record<string, string>> = { '"': '"', "'": "'", '\\': '\\', t: '\t', r: '\r', n: '\n' }

/**
 * Reads the words of an nginx configuration as nginx does (ngx_conf_file.c): a sign in quotes is part of the word, `#`
 * starts a comment only where a word could start, `${` opens no block. Throws `nginx-config-unreadable`.
 */
export function readTokens(text: string, file: string): TokenReader {
  let at = 0
  let line = 1

  const fail = (what: string): never => {
    throw new BatonError('nginx-config-unreadable', `${file}:${line}: ${what}`, { hint: 'nginx -t' })
  }

  const advance = (to: number) => {
    for (; at < to; at += 1) if (text[at] === '\n') line += 1
  }

  const quoted = (quote: string): Token => {
    const startLine = line
    let end = at + 1
    while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1
    if (end >= text.length) fail(`the quote ${quote} is not closed`)
    const word = withoutEscapes(text.slice(at + 1, end))
    advance(end + 1)
    if (at < text.length && !/[\s;{)]/.test(text[at] ?? '')) fail(`"${text[at]}" follows a closing quote`)
    return { kind: 'word', text: word, line: startLine }
  }

  const bare = (): Token => {
    const startLine = line
    let end = at
    while (end < text.length && !/[\s;]/.test(text[end] ?? '')) {
      if (text[end] === '{' && text[end - 1] !== '$') break
      end += text[end] === '\\' ? 2 : 1
    }
    const word = withoutEscapes(text.slice(at, end))
    advance(Math.min(end, text.length))
    return { kind: 'word', text: word, line: startLine }
  }

  return {
    next() {
      for (;;) {
        const sign = text[at]
        if (sign === undefined) return { kind: 'end', text: '', line }
        if (/\s/.test(sign)) {
          advance(at + 1)
        } else if (sign === '#') {
          const end = text.indexOf('\n', at)
          advance(end === -1 ? text.length : end)
        } else if (sign === ';' || sign === '{' || sign === '}') {
          at += 1
          return { kind: sign, text: sign, line }
        } else {
          return sign === '"' || sign === "'" ? quoted(sign) : bare()
        }
      }
    },
    lua() {
      const end = endOfLuaBlock(text, at)
      if (end === -1) fail('the Lua block is not closed')
      const code = text.slice(at, end)
      advance(end + 1)
      return code
    },
  }
}

/** A backslash in front of anything else stays, as regular expressions need it. */
function withoutEscapes(raw: string): string {
  return raw.replace(/\\([\s\S])/g, (whole, sign: string) => escapes[sign] ?? whole)
}
