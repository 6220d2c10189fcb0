import { escapeAttribute } from '../../xml-attribute.ts'

/** One word of a shell's command line, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** The attributes of an XML element; those that are null are left out. */
export function xmlAttributes(attributes: Readonly<Record<string, string | number | boolean | null>>): string {
  return Object.entries(attributes)
    .flatMap(([name, value]) => (value === null ? [] : [` ${name}="${escapeAttribute(String(value))}"`]))
    .join('')
}
