/**
 * The end of a Lua block of nginx' Lua module: the index of the brace that closes it, or -1 where nothing does. `start` is
 * the index after the opening brace. Braces in Lua's strings and comments do not count (Lua 5.1 manual, 2.1).
 */
export function endOfLuaBlock(text: string, start: number): number {
  let depth = 1
  const token = /--\[(=*)\[|--[^\n]*|\[(=*)\[|(["'])(?:\\[\s\S]|[^\\])*?\3|[{}]/g
  token.lastIndex = start
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [word, commentLevel, stringLevel] = found
    if (word === '{') depth += 1
    if (word === '}') depth -= 1
    if (depth === 0) return found.index
    const level = commentLevel ?? stringLevel
    if (level === undefined) continue
    const close = `]${level}]`
    const end = text.indexOf(close, token.lastIndex)
    if (end === -1) return -1
    token.lastIndex = end + close.length
  }
  return -1
}
