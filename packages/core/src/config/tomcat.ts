import { readArgv } from './argv.ts'
import { mistake, type Reading, show } from './reading.ts'

export const contextPattern = '^/$|^(/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+$'

/** Reads the path that a web application is mounted at: `/`, `/shop`, `/a/b`. A slash at its end is dropped. */
export function readContext(raw: unknown): Reading<string> {
  const remedy = 'write / or a path such as /shop, of letters, digits and - . _ ~'
  if (typeof raw !== 'string') return mistake(`must be a path, not ${show(raw)}`, remedy)
  const path = raw === '/' ? raw : raw.replace(/\/$/, '')
  if (/^\/ROOT(\/|$)/.test(path)) return mistake("names ROOT, which is Tomcat's own word for /", 'write / instead')
  return new RegExp(contextPattern).test(path) ? { value: path } : mistake(`must be a path, not ${show(raw)}`, remedy)
}

/** Reads options of the JVM as `readArgv` reads a command: a text is split as a shell would, a list is taken as it is. */
export function readJavaOptions(raw: unknown): Reading<readonly string[]> {
  // The words of an empty text are none, which for a command would be a mistake.
  if (raw === '' || (Array.isArray(raw) && raw.length === 0)) return { value: [] }
  const argv = readArgv(raw)
  if (!('value' in argv)) return argv
  const [odd] = argv.value.filter((each) => !/^[-@]/.test(each))
  if (odd === undefined) return argv
  return mistake(`holds ${show(odd)}, which is no option`, 'begin each with a dash, and quote those that hold spaces')
}
