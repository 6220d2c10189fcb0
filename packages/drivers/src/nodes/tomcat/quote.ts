/** One word of a shell's command line, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** The attributes of an XML element; those that are null are left out. */
export function xmlAttributes(attributes: Readonly<Record<string, string | number | boolean | null>>): string {
  return Object.entries(attributes)
    .flatMap(([name, value]) => (value === null ? [] : [` ${name}="${escaped(String(value))}"`]))
    .join('')
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => entities[each] ?? each)
}
