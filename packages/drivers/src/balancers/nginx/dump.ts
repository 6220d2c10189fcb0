/** What `nginx -T` shows: every file that this nginx reads, in the order in which it reads them. */
export interface NginxDump {
  /** As nginx prints it. */
  readonly text: string
  readonly files: readonly NginxFile[]
  /** Of the main context; null where a directive is not written. */
  readonly main: { readonly pid: string | null; readonly user: string | null; readonly errorLog: string | null }
}

interface NginxFile {
  readonly path: string
  readonly text: string
}

/** `globals` is what the command line gives with -g. */
export function readDump(text: string, globals: string | null = null): NginxDump {
  const files = filesOf(text)
  // The first file is nginx.conf: its own lines come before those of a file that it includes.
  const texts = [globals ?? '', ...files.map((file) => file.text)].map(withoutComments)
  const find = (name: string) => texts.map((each) => firstValue(each, name)).find((value) => value !== null) ?? null
  return { text, files, main: { pid: find('pid'), user: find('user'), errorLog: find('error_log') } }
}

/** Every file under its line `# configuration file PATH:`, the main one first. */
export function filesOf(dump: string): NginxFile[] {
  const parts = dump.split(/^# configuration file (\/.*):\r?\n/m).slice(1)
  return parts.flatMap((path, index) => (index % 2 === 0 ? [{ path, text: parts[index + 1] ?? '' }] : []))
}

/** The arguments of a directive, wherever it stands in one of the files that `where` lets pass. */
export function valuesOf({ files }: NginxDump, name: string, where: (file: NginxFile) => boolean): string[] {
  const directive = new RegExp(`${beginning}${name}\\s+([^;{}]+);`, 'g')
  return files
    .filter(where)
    .flatMap(({ text }) => [...withoutComments(text).matchAll(directive)].map(([, value = '']) => value.trim()))
}

/** Of a directive, in one line with others too. */
const beginning = '(?:^|[;{}\\n])\\s*'

function firstValue(text: string, name: string): string | null {
  const [, value = ''] = new RegExp(`${beginning}${name}\\s+("[^"]*"|'[^']*'|[^\\s;]+)`).exec(text) ?? []
  return value === '' ? null : value.replace(/^(["'])(.*)\1$/, '$2')
}

function withoutComments(text: string): string {
  return text.replaceAll(/(^|[\s;{}])#.*$/gm, '$1')
}
