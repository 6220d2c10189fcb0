/** For between double quotes, in ASCII alone: it fits into a file of any encoding that begins with ASCII. */
export function escapeAttribute(value: string): string {
  return value.replace(/[^ !#-%'-;=?-~]/gu, (char) => `&#${char.codePointAt(0)};`)
}
