import { BatonError } from '@baton/core'
import { readTokens } from './tokens.ts'

export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly file: string
  readonly line: number
  /** The block it stands in; null at the top. */
  readonly parent: Directive | null
  /** What stands in it; null where it has no block, or a Lua one. */
  readonly block: readonly Directive[] | null
  /** The code of a Lua block. */
  readonly lua: string | null
}

interface Block {
  readonly owner: Directive | null
  readonly directives: Directive[]
}

/**
 * The directives of one file. An `include` is replaced by what `include` returns for it, as if that stood there.
 * Throws `nginx-config-unreadable`.
 */
export function parseDirectives(
  text: string,
  options: {
    readonly file: string
    readonly parent: Directive | null
    readonly include: (directive: Directive) => readonly Directive[]
  },
): readonly Directive[] {
  const { file } = options
  const reader = readTokens(text, file)
  const top: Block = { owner: options.parent, directives: [] }
  const open: Block[] = [top]

  for (;;) {
    const block = open.at(-1) ?? top
    const words: string[] = []
    let token = reader.next()
    const { line } = token
    for (; token.kind === 'word'; token = reader.next()) words.push(token.text)
    const [name, ...args] = words

    if (name === undefined) {
      if (token.kind === 'end' && open.length === 1) return top.directives
      if (token.kind === '}' && open.length > 1) open.pop()
      else throw unexpected(token.kind, `${file}:${token.line}`)
      continue
    }
    const common = { name, args, file, line, parent: block.owner }
    if (token.kind === ';') {
      const directive: Directive = { ...common, block: null, lua: null }
      block.directives.push(...(name === 'include' ? options.include(directive) : [directive]))
    } else if (token.kind === '{' && name.endsWith('_by_lua_block')) {
      block.directives.push({ ...common, block: null, lua: reader.lua() })
    } else if (token.kind === '{') {
      const directives: Directive[] = []
      const directive: Directive = { ...common, block: directives, lua: null }
      block.directives.push(directive)
      open.push({ owner: directive, directives })
    } else {
      throw unexpected(token.kind, `${file}:${token.line}`)
    }
  }
}

function unexpected(kind: string, where: string): BatonError {
  const what = kind === 'end' ? 'the file ends within a block or a directive' : `"${kind}" is not expected here`
  return new BatonError('nginx-config-unreadable', `${where}: ${what}`, { hint: 'nginx -t' })
}
