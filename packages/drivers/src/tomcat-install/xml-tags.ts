import { BatonError } from '@baton/core'

/** A tag of an XML text and where it stands: offsets into the text, `end` behind its last character. */
export interface XmlTag {
  readonly kind: 'open' | 'close' | 'empty'
  readonly name: string
  /** Names of the elements around it, the root first. */
  readonly within: readonly string[]
  readonly start: number
  readonly end: number
  readonly attributes: readonly XmlAttribute[]
}

export interface XmlAttribute {
  readonly name: string
  /** With references such as &amp; resolved. */
  readonly value: string
  /** Of what stands between the quotes. */
  readonly start: number
  readonly end: number
}

export interface XmlComment {
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface XmlMarkup {
  readonly tags: readonly XmlTag[]
  readonly comments: readonly XmlComment[]
}

/**
 * Where tags and comments stand: enough to change a few lines and leave every other character alone, which no parser that
 * writes the file anew does. Fails with `xml-damaged`.
 */
export function scanXml(text: string, file: string): XmlMarkup {
  const tags: XmlTag[] = []
  const comments: XmlComment[] = []
  const open: string[] = []
  const damaged = (at: number, what: string) =>
    new BatonError('xml-damaged', `${file}, line ${lineAt(text, at)}: ${what}`, {
      hint: 'Tomcat could not read it either: mend it, then run this again',
    })
  const endOf = (mark: string, from: number, what: string) => {
    const at = text.indexOf(mark, from)
    if (at === -1) throw damaged(from, `${what} has no end`)
    return at + mark.length
  }

  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at)) {
    const start = at
    if (text.startsWith('<!--', at)) {
      at = endOf('-->', at + 4, 'a comment')
      comments.push({ text: text.slice(start + 4, at - 3), start, end: at })
    } else if (text.startsWith('<![CDATA[', at)) at = endOf(']]>', at, 'a CDATA section')
    else if (text.startsWith('<?', at)) at = endOf('?>', at, 'a processing instruction')
    else if (text.startsWith('<!', at)) at = endOfDoctype(text, at) ?? endOf('>', text.length, 'a declaration')
    else {
      const match = tagAt(text, at)
      if (match === null) throw damaged(at, 'this is no tag')
      const { closing, name, attributes, empty, end } = match
      at = end
      if (closing) {
        if (open.pop() !== name) throw damaged(start, `</${name}> closes nothing`)
        tags.push({ kind: 'close', name, within: [...open], start, end, attributes })
      } else {
        tags.push({ kind: empty ? 'empty' : 'open', name, within: [...open], start, end, attributes })
        if (!empty) open.push(name)
      }
    }
  }
  const left = open.pop()
  if (left !== undefined) throw damaged(text.length, `<${left}> is not closed`)
  return { tags, comments }
}

/** Counted from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

export function attributeOf(tag: XmlTag, name: string): string | undefined {
  return tag.attributes.find((attribute) => attribute.name === name)?.value
}

const nameAt = /[^\s<>/="'&]+/y
const attributeAt = /\s+([^\s<>/="'&]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const endAt = /\s*(\/?)>/y

function tagAt(text: string, start: number) {
  const closing = text[start + 1] === '/'
  nameAt.lastIndex = start + (closing ? 2 : 1)
  const name = nameAt.exec(text)?.[0]
  if (name === undefined) return null
  let at = nameAt.lastIndex
  const attributes: XmlAttribute[] = []
  for (;;) {
    attributeAt.lastIndex = at
    const match = attributeAt.exec(text)
    if (match === null) break
    at = attributeAt.lastIndex
    const raw = match[2] ?? match[3] ?? ''
    attributes.push({ name: match[1]!, value: resolveReferences(raw), start: at - 1 - raw.length, end: at - 1 })
  }
  endAt.lastIndex = at
  const end = endAt.exec(text)
  if (end === null) return null
  return { closing, name, attributes, empty: end[1] === '/', end: endAt.lastIndex }
}

/** A DOCTYPE may have declarations of its own in brackets. */
function endOfDoctype(text: string, start: number): number | null {
  const match = /<!(?:[^<>[\]"']|"[^"]*"|'[^']*'|\[(?:[^\]"']|"[^"]*"|'[^']*')*\])*>/y
  match.lastIndex = start
  return match.test(text) ? match.lastIndex : null
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function resolveReferences(raw: string): string {
  return raw.replace(/&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
