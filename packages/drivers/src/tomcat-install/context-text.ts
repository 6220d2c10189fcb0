import { BatonError } from '@baton/core'
import { sessionManager, sessionValve } from '../session-jar.ts'
import { escapeAttribute } from '../xml-attribute.ts'
import { attributeOf, lineAt, scanXml, type XmlMarkup, type XmlTag } from './xml-tags.ts'

/** What the Manager is told. A field that is undefined stays as it is there. */
export interface WantedSessions {
  readonly store?: string | undefined
  readonly namespace?: string | undefined
}

/** What a context.xml holds of ours. */
export interface InstalledSessions {
  readonly store: string | undefined
  /** lib/ did not exist before us. */
  readonly madeLib: boolean
}

/** Valves that other session managers come with; without their manager they fail, or save sessions a second time. */
const foreignValves =
  /^(?:org\.apache\.catalina\.valves\.PersistentValve|(?:com\.orangefunction\.tomcat\.redissessions|com\.radiadesign\.catalina\.session)\.RedisSessionHandlerValve|tomcat\.request\.session\..*SessionHandlerValve|org\.redisson\.tomcat\.\w+Valve)$/

/** A context.xml where there is none. Taken away with what we put into it. */
export const emptyContext = `<?xml version="1.0" encoding="UTF-8"?>
<!-- baton: this file was made by baton tomcat install -->
<Context>
</Context>
`

/** null: nothing of ours is in it. Fails with `xml-damaged` or `tomcat-context-damaged`. */
export function installedSessions(text: string, file: string): InstalledSessions | null {
  const markup = scanXml(text, file)
  const block = blockOf(text, markup, file)
  if (block === null) return null
  const manager = ourManager(markup, block)
  return { store: manager && attributeOf(manager, 'store'), madeLib: block.flags.includes('lib') }
}

/**
 * The text with our lines in it, and every other character as it was. Fails with `tomcat-manager-exists` where another
 * session manager is configured.
 */
export function withSessions(
  text: string,
  wanted: WantedSessions,
  { file, madeLib = false }: { readonly file: string; readonly madeLib?: boolean },
): string {
  const markup = scanXml(text, file)
  const block = blockOf(text, markup, file)
  refuseOthers(text, markup, block, file)
  if (block === null) return inserted(text, wanted, markup, { file, madeLib })
  const manager = ourManager(markup, block)
  if (manager === undefined) {
    const rest = withoutSessions(text, file)
    return inserted(rest, wanted, scanXml(rest, file), { file, madeLib: block.flags.includes('lib') })
  }
  return updated(text, manager, wanted)
}

/** The text without our lines: what it was before, if nothing else has changed since. */
export function withoutSessions(text: string, file: string): string {
  const block = blockOf(text, scanXml(text, file), file)
  if (block === null) return text
  if (block.flags.includes('self-closed')) {
    // We have opened what was <Context/>: of it, only the slash went.
    const close = /^\s*<\/Context\s*>/.exec(text.slice(block.end))?.[0]
    if (close !== undefined && text[block.start - 1] === '>') {
      return `${text.slice(0, block.start - 1)}/>${text.slice(block.end + close.length)}`
    }
  }
  const lineStart = text.lastIndexOf('\n', block.start - 1) + 1
  if (text.slice(lineStart, block.start).trim() !== '') return text.slice(0, block.start) + text.slice(block.end)
  const eol = /^[ \t]*\r?\n/.exec(text.slice(block.end))?.[0].length ?? 0
  return text.slice(0, lineStart) + text.slice(block.end + eol)
}

// ---- Our lines

interface Block {
  /** Of the first comment's first character, and behind the second one's last. */
  readonly start: number
  readonly end: number
  readonly flags: readonly string[]
}

function blockOf(text: string, { comments }: XmlMarkup, file: string): Block | null {
  const begins = comments.filter((comment) => /^\s*baton: begin\b/.test(comment.text))
  const ends = comments.filter((comment) => /^\s*baton: end\b/.test(comment.text))
  const [begin, end] = [begins[0], ends[0]]
  if (begin === undefined && end === undefined) return null
  if (begins.length !== 1 || ends.length !== 1 || begin!.start > end!.start) {
    const at = lineAt(text, (begin ?? end)!.start)
    throw new BatonError('tomcat-context-damaged', `${file}, line ${at}: Baton's comments do not come as one pair`, {
      hint: 'take out by hand what stands for Baton there, comments and lines, then run `baton tomcat install` again',
    })
  }
  const flags = [...begin!.text.matchAll(/\[([\w-]+)\]/g)].map((match) => match[1]!)
  return { start: begin!.start, end: end!.end, flags }
}

function ourManager({ tags }: XmlMarkup, block: Block): XmlTag | undefined {
  return tags.find((tag) => tag.start > block.start && tag.end < block.end && isManager(tag))
}

function isManager(tag: XmlTag): boolean {
  return tag.kind !== 'close' && tag.name === 'Manager' && tag.within.join('/') === 'Context'
}

function linesOf({ store, namespace }: WantedSessions, flags: readonly string[]): string[] {
  const attributes = [
    `className="${sessionManager}"`,
    ...(store === undefined ? [] : [`store="${escapeAttribute(store)}"`]),
    ...(namespace === undefined ? [] : [`namespace="${escapeAttribute(namespace)}"`]),
  ]
  return [
    `<!-- baton: begin${flags.map((flag) => ` [${flag}]`).join('')} -->`,
    `<Valve className="${sessionValve}" />`,
    `<Manager ${attributes.join(' ')} />`,
    '<!-- baton: end -->',
  ]
}

function inserted(
  text: string,
  wanted: WantedSessions,
  { tags }: XmlMarkup,
  { file, madeLib }: { readonly file: string; readonly madeLib: boolean },
): string {
  const root = tags[0]
  if (root?.name !== 'Context') {
    throw new BatonError('tomcat-context-damaged', `${file} has no <Context> around everything`, {
      hint: "name a CATALINA_BASE whose conf/context.xml is Tomcat's: <Context> … </Context>",
    })
  }
  const eol = /\r?\n/.exec(text)?.[0] ?? '\n'
  const flags = madeLib ? ['lib'] : []
  if (root.kind === 'empty') {
    const lines = linesOf(wanted, [...flags, 'self-closed']).join(`${eol}    `)
    return `${text.slice(0, root.end - 2)}>${lines}${eol}</Context>${text.slice(root.end)}`
  }
  const close = tags.findLast((tag) => tag.kind === 'close' && tag.name === 'Context' && tag.within.length === 0)!
  const lineStart = text.lastIndexOf('\n', close.start - 1) + 1
  const margin = text.slice(lineStart, close.start)
  const lines = linesOf(wanted, flags)
  if (margin.trim() !== '') return text.slice(0, close.start) + lines.join('') + text.slice(close.start)
  const block = lines.map((line) => `${margin}    ${line}${eol}`).join('')
  return text.slice(0, lineStart) + block + text.slice(lineStart)
}

function updated(text: string, manager: XmlTag, wanted: WantedSessions): string {
  let result = text
  const className = manager.attributes.find((attribute) => attribute.name === 'className')
  const edits = (['store', 'namespace'] as const).flatMap((name) => {
    const value = wanted[name]
    if (value === undefined) return []
    const there = manager.attributes.find((attribute) => attribute.name === name)
    // One that says the same in other characters stays.
    if (there?.value === value) return []
    if (there !== undefined) return [{ start: there.start, end: there.end, text: quoted(text, there.end, value) }]
    const at = (className?.end ?? manager.start + '<Manager'.length - 1) + 1
    return [{ start: at, end: at, text: ` ${name}="${escapeAttribute(value)}"` }]
  })
  // From the end, so that offsets before it stay true.
  for (const edit of edits.sort((a, b) => b.start - a.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end)
  }
  return result
}

function quoted(text: string, at: number, value: string): string {
  const escaped = escapeAttribute(value)
  return text[at] === "'" ? escaped.replaceAll("'", '&#39;') : escaped
}

// ---- What is not ours

function refuseOthers(text: string, { tags }: XmlMarkup, block: Block | null, file: string): void {
  const isOurs = (tag: XmlTag) => block !== null && tag.start > block.start && tag.end < block.end
  const others = tags.filter((tag) => !isOurs(tag) && (isManager(tag) || isForeignValve(tag)))
  const [first] = others
  if (first === undefined) return
  const className = attributeOf(first, 'className') ?? "Tomcat's own"
  const isHandWritten = className === sessionManager
  throw new BatonError(
    'tomcat-manager-exists',
    `${file}, line ${lineAt(text, first.start)}: there is a session manager already`,
    {
      log: others.map(
        (tag) => `${file}:${lineAt(text, tag.start)}: <${tag.name}> ${attributeOf(tag, 'className') ?? className}`,
      ),
      hint: isHandWritten
        ? "it is Baton's, written by hand: leave it as it is, or take it out and run this again"
        : 'a Tomcat has one: put it into a comment, or take it out, and run this again (docs/tomcat.md tells what becomes of its sessions)',
    },
  )
}

function isForeignValve(tag: XmlTag): boolean {
  return tag.kind !== 'close' && tag.name === 'Valve' && foreignValves.test(attributeOf(tag, 'className') ?? '')
}
