const contextLines = 3

/**
 * One change between two texts as a unified diff, without passwords: those of URLs, and values of attributes that are named
 * like one. Both texts the same: ''.
 */
export function changeDiff(file: string, before: string | null, after: string | null): string {
  const [old, fresh] = [linesOf(before), linesOf(after)]
  let head = 0
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) head++
  if (head === old.length && head === fresh.length) return ''
  let tail = 0
  const most = Math.min(old.length, fresh.length) - head
  while (tail < most && old.at(-1 - tail) === fresh.at(-1 - tail)) tail++

  const from = Math.max(0, head - contextLines)
  const until = Math.max(0, tail - contextLines)
  const hunk = [
    ...old.slice(from, head).map((line) => ` ${line}`),
    ...old.slice(head, old.length - tail).map((line) => `-${line}`),
    ...fresh.slice(head, fresh.length - tail).map((line) => `+${line}`),
    ...old.slice(old.length - tail, old.length - until).map((line) => ` ${line}`),
  ]
  const range = (lines: readonly string[]) => {
    const count = lines.length - until - from
    return `${count === 0 ? 0 : from + 1},${count}`
  }
  return [
    `--- ${before === null ? '/dev/null' : file}`,
    `+++ ${after === null ? '/dev/null' : file}`,
    `@@ -${range(old)} +${range(fresh)} @@`,
    ...hunk.map(withoutSecrets),
  ].join('\n')
}

function withoutSecrets(line: string): string {
  return line
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*):[^\s@"']+@/gi, '$1:[redacted]@')
    .replace(/([?&;]\w*(?:pass|secret|token|key|auth)\w*=)[^&\s"']+/gi, '$1[redacted]')
    .replace(
      /([\w.-]*(?:passw|pwd|secret|token|credential|encryptionKeys|keyPass)[\w.-]*\s*=\s*)("[^"]*"|'[^']*')/gi,
      '$1"[redacted]"',
    )
}

/** Without the ends of lines: that those differ, nobody sees. */
function linesOf(text: string | null): string[] {
  if (text === null) return []
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}
