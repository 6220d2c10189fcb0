import { posix } from 'node:path'
import { BatonError } from '@baton/core'
import { filesOf } from '../dump.ts'
import { type Directive, parseDirectives } from './directive.ts'

export interface NginxDump {
  /** Absolute path of the file that nginx was started with. */
  readonly mainFile: string
  /** Its directives, with those of included files in their places. */
  readonly directives: readonly Directive[]
  /** Every `include`, with the pattern as an absolute path. */
  readonly includes: readonly { readonly pattern: string; readonly directive: Directive }[]
}

/**
 * Reads what `nginx -T` prints on standard output: every file once, the main one first, each under a line
 * `# configuration file PATH:`. Throws `nginx-config-unreadable`.
 */
export function parseDump(dump: string): NginxDump {
  const files = new Map(filesOf(dump).map(({ path, text }) => [path, text]))
  const [mainFile] = files.keys()
  if (mainFile === undefined) {
    throw new BatonError('nginx-config-unreadable', 'nginx -T printed no configuration file', { hint: 'nginx -T' })
  }
  const folder = posix.dirname(mainFile)
  const includes: { pattern: string; directive: Directive }[] = []

  // Parsed anew at each include: the same snippet means another thing in another block.
  const parse = (file: string, parent: Directive | null, stack: readonly string[]): readonly Directive[] =>
    parseDirectives(files.get(file) ?? '', {
      file,
      parent,
      include(directive) {
        const pattern = posix.resolve(folder, directive.args[0] ?? '')
        includes.push({ pattern, directive })
        const matching = matchingFiles(pattern, [...files.keys()]).filter((name) => !stack.includes(name))
        return matching.flatMap((name) => parse(name, directive.parent, [...stack, name]))
      },
    })

  return { mainFile, directives: parse(mainFile, null, [mainFile]), includes }
}

/** Whether a file is included by the pattern, as glob(7) has it: no sign but `/` itself stands for a slash. */
export function includes(pattern: string, file: string): boolean {
  return matchingFiles(pattern, [file]).length > 0
}

function matchingFiles(pattern: string, files: readonly string[]): string[] {
  if (!/[*?[]/.test(pattern)) return files.filter((file) => file === pattern)
  const source = pattern.replace(/\[!?[^\]]+\]|[*?]|[\\^$.|+(){}[\]]/g, (sign) => {
    if (sign === '*') return '[^/]*'
    if (sign === '?') return '[^/]'
    return sign.length > 1 ? sign.replace('[!', '[^') : `\\${sign}`
  })
  // A leading dot has to be written out.
  const expression = new RegExp(`^${source.replaceAll('/[^/]', '/(?!\\.)[^/]')}$`)
  return files.filter((file) => expression.test(file)).sort()
}
