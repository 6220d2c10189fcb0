import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { packageFolder } from './package-folder.ts'

/** The classes in the jar that a context.xml names. */
export const sessionValve = 'baton.tomcat.SessionValve'
export const sessionManager = 'baton.tomcat.SessionManager'

/** The package names that a Tomcat's Servlet API has: javax up to Tomcat 9, jakarta from 10 on. */
export type ServletApi = 'jakarta' | 'javax'

/** Of a CATALINA_HOME; `version` for example `10.1.60`. */
export interface TomcatVersion {
  readonly major: number
  readonly minor: number
  readonly version: string
}

/** The path of the jar with Baton's session manager for a Tomcat. Fails with `session-jar-missing`. */
export async function sessionJar({
  api,
  folder = join(packageFolder(), 'java'),
}: {
  readonly api: ServletApi
  /** Where to look, instead of in this package. */
  readonly folder?: string
}): Promise<string> {
  const wanted = api === 'javax' ? /^tomcat-session-\d[\w.]*-javax\.jar$/ : /^tomcat-session-\d[\w.]*\.jar$/
  const names = await readdir(folder).catch((): string[] => [])
  const found = await Promise.all(
    names
      .filter((name) => wanted.test(name))
      .map(async (name) => {
        const path = join(folder, name)
        return { path, changedMs: (await stat(path)).mtimeMs }
      }),
  )
  // More than one stands there only when a version was built after another.
  const newest = found.sort((a, b) => b.changedMs - a.changedMs)[0]
  if (newest !== undefined) return newest.path
  throw new BatonError('session-jar-missing', `there is no jar of Baton's sessions for Tomcat (${api}) in ${folder}`, {
    hint: 'build it with `npm run build:tomcat`, which needs Maven and a JDK of 11 or later',
  })
}

/** Asks `lib/catalina.jar` of a CATALINA_HOME. Fails with `tomcat-unreadable`. */
export async function tomcatVersion(
  home: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<TomcatVersion> {
  const { readZipEntry } = await import('./releases/zip.ts')
  const jar = join(home, 'lib', 'catalina.jar')
  const properties = await readZipEntry(jar, 'org/apache/catalina/util/ServerInfo.properties', { signal }).catch(
    (cause: unknown) => {
      signal.throwIfAborted()
      throw unreadable(home, `${jar} cannot be read`, cause)
    },
  )
  const number = /^server\.number\s*=\s*(\d+)\.(\d+)\.(\S+)/m.exec(properties?.toString('latin1') ?? '')
  if (number === null) throw unreadable(home, `${jar} does not say which Tomcat it is`)
  const [major, minor] = [Number(number[1]), Number(number[2])]
  // Its own number has a fourth part, always 0, that Tomcat is not known by.
  return { major, minor, version: `${major}.${minor}.${number[3]?.replace(/\.0$/, '')}` }
}

/** Fails with `tomcat-unsupported` for those that the session manager does not run in. */
export function servletApiOf({ major, minor, version }: TomcatVersion): ServletApi {
  if (major === 9) return 'javax'
  if (major > 10 || (major === 10 && minor >= 1)) return 'jakarta'
  throw new BatonError('tomcat-unsupported', `Baton's sessions do not run in Tomcat ${version}`, {
    hint: 'Tomcat 9, 10.1 and 11 are supported: no other gets security fixes any more',
  })
}

function unreadable(home: string, message: string, cause?: unknown): BatonError {
  return new BatonError('tomcat-unreadable', message, {
    hint: `${home} has to be a CATALINA_HOME: the folder with Tomcat's own bin/ and lib/, for example /usr/share/tomcat10`,
    cause,
  })
}
