import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { type ServletApi, servletApiOf, type TomcatVersion, tomcatVersion } from '../../session-jar.ts'
import { assertUsable } from './layout.ts'

/** An installed Tomcat: CATALINA_HOME. */
export interface TomcatHome {
  readonly home: string
  readonly version: TomcatVersion
  readonly api: ServletApi
  /** Its own web.xml, which every web application begins with. */
  readonly webXml: string
  /** Its own catalina.properties; null where Tomcat has the one within its jar alone. */
  readonly properties: string | null
  /** Its own tomcat-users.xml; null where there is none that may be read. */
  readonly users: string | null
}

/** Looks what is installed there. Fails with `tomcat-unreadable` or `tomcat-unsupported`. */
export async function openHome(home: string, signal?: AbortSignal): Promise<TomcatHome> {
  assertUsable(home)
  const version = await tomcatVersion(home, signal)
  const api = servletApiOf(version)
  if (!(await isReadable(join(home, 'bin', 'catalina.sh')))) throw incomplete(home, 'bin/catalina.sh')
  const webXml = await configFile(home, 'web.xml')
  if (webXml === null) throw incomplete(home, 'conf/web.xml')
  if (!knowsItsHealth(version)) {
    throw new BatonError('tomcat-unsupported', `Tomcat ${version.version} cannot tell whether a web application runs`, {
      hint: 'take 9.0.38 or later of Tomcat 9; the newest has the security fixes, too',
    })
  }
  const properties = await configFile(home, 'catalina.properties')
  return { home, version, api, webXml, properties, users: await configFile(home, 'tomcat-users.xml') }
}

/** Changelog of Tomcat 9: HealthCheckValve looks at the containers below it since 9.0.38. */
function knowsItsHealth({ major, version }: TomcatVersion): boolean {
  return major > 9 || Number(version.split('.')[2]?.match(/^\d+/)?.[0] ?? 0) >= 38
}

/** In conf/, or where Debian keeps the originals. */
async function configFile(home: string, name: string): Promise<string | null> {
  for (const folder of ['conf', 'etc']) {
    const path = join(home, folder, name)
    if (await isReadable(path)) return path
  }
  return null
}

function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function incomplete(home: string, missing: string): BatonError {
  return new BatonError('tomcat-unreadable', `${home} is no whole Tomcat: there is no ${missing} that may be read`, {
    hint: 'name a CATALINA_HOME: the folder with its bin/, lib/ and conf/, for example /usr/share/tomcat10',
  })
}
