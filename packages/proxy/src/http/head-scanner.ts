import { BadMessage } from './bad-message.ts'

/**
 * Finds the end of a message's head (or of a trailer section), however it is cut into reads, and refuses what could make two
 * parsers disagree about where it ends: a bare CR, a bare LF, NUL and the other control characters (RFC 9112 2.2, RFC 9110 5.5).
 */
export interface HeadScanner {
  /**
   * Looks at what is new in `bytes`, whose first byte stays the same from call to call. Returns the index behind the empty line
   * that ends the head, or -1 when it has not come yet.
   */
  scan(bytes: Buffer): number
  /** True once the first line is whole: what is too long then are the fields, not the target. */
  firstLineEnded(): boolean
  reset(): void
}

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const DELETE = 0x7f

export function createHeadScanner(): HeadScanner {
  let at = 0
  let lineStart = 0

  return {
    scan(bytes) {
      const length = bytes.length
      while (at < length) {
        const byte = bytes[at]!
        if ((byte >= SPACE && byte !== DELETE) || byte === TAB) {
          at += 1
        } else if (byte === CR) {
          if (at + 1 === length) return -1
          if (bytes[at + 1] !== LF) throw new BadMessage(400, 'bare_cr', 'A line holds a CR that no LF follows.')
          const empty = at === lineStart
          at += 2
          lineStart = at
          if (empty) return at
        } else if (byte === LF) {
          throw new BadMessage(400, 'bare_lf', 'A line ends with LF alone; lines end with CR LF.')
        } else {
          throw new BadMessage(400, 'control_character', 'The head holds a control character.')
        }
      }
      return -1
    },
    firstLineEnded: () => lineStart > 0,
    reset() {
      at = 0
      lineStart = 0
    },
  }
}
