/** Lua 5.1 manual, 2.1: a text that is read back as it was, whatever is in it. */
export function luaString(text: string): string {
  const escaped = text.replaceAll(/[\\"\n\r\0]/g, (letter) => `\\${letter.charCodeAt(0).toString().padStart(3, '0')}`)
  return `"${escaped}"`
}

export function luaTable(fields: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${key} = ${typeof value === 'number' ? value : luaString(value)}`,
  )
  return `{ ${pairs.join(', ')} }`
}
