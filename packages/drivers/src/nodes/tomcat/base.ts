import { copyFile, cp, link, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Address } from '@baton/core'
import { writeAtomically } from '../../durable.ts'
import { sessionJar } from '../../session-jar.ts'
import { contextXml, loggingProperties, type SessionSettings, serverXml } from './configuration.ts'
import type { TomcatHome } from './home.ts'
import { assertUsable, type TomcatLayout } from './layout.ts'
import { addressProperty, releaseProperty } from './process.ts'
import { shellWord } from './quote.ts'
import type { Webapp } from './webapp.ts'

export interface BaseSettings {
  readonly home: TomcatHome
  readonly address: Address
  readonly context: string
  readonly javaOptions: readonly string[]
  /** null: sessions as Tomcat has them, in memory. */
  readonly sessions: SessionSettings | null
  readonly clientPort: number
  readonly secret: string
  readonly release: string
  readonly webapp: Webapp
}

/**
 * Makes CATALINA_BASE what the next start needs, while no Tomcat runs in it. Nothing of an earlier release or context is left:
 * whatever moment an earlier call was killed at, this one ends the same.
 */
export async function makeBase(layout: TomcatLayout, settings: BaseSettings): Promise<void> {
  const { base } = layout
  assertUsable(base)
  for (const folder of ['webapps', 'work', 'temp']) {
    await rm(join(base, folder), { recursive: true, force: true })
    await mkdir(join(base, folder), { recursive: true, mode: 0o700 })
  }
  for (const folder of ['bin', 'conf', 'lib', 'logs']) await mkdir(join(base, folder), { recursive: true, mode: 0o700 })
  // Descriptors that Tomcat, or somebody, has put there would mount something else.
  await rm(join(base, 'conf', 'Catalina'), { recursive: true, force: true })
  const { home, sessions } = settings
  const files = {
    'conf/server.xml': serverXml({ ...settings, users: home.users }),
    'conf/context.xml': contextXml(sessions),
    'conf/logging.properties': loggingProperties,
    'conf/web.xml': await readFile(home.webXml, 'utf8'),
    'bin/setenv.sh': setenv(layout, settings),
    ...(home.properties === null
      ? {}
      : { 'conf/catalina.properties': withoutScan(await readFile(home.properties, 'utf8')) }),
  }
  for (const [name, text] of Object.entries(files)) await writeIfChanged(join(base, name), text)
  await putJar(join(base, 'lib'), sessions === null ? null : await sessionJar({ api: home.api }))
  await mount(settings.webapp, join(base, 'webapps', folderName(settings.context)))
}

/**
 * What catalina.sh sources. It evaluates CATALINA_OPTS once more, so each option is a quoted word within a quoted text. That of
 * CATALINA_HOME, which this one stands in front of, comes first.
 */
function setenv({ pidFile, log }: TomcatLayout, { javaOptions, release, address }: BaseSettings): string {
  const options = [
    ...javaOptions,
    // Tomcat otherwise runs on without a connector where its port is taken.
    '-Dorg.apache.catalina.startup.EXIT_ON_INIT_FAILURE=true',
    `-D${addressProperty}=${address.host}:${address.port}`,
    `-D${releaseProperty}=${release}`,
  ]
  return `# Written by Baton, at every start: changes are lost.
if [ -r "$CATALINA_HOME/bin/setenv.sh" ]; then . "$CATALINA_HOME/bin/setenv.sh"; fi
CATALINA_OPTS="$CATALINA_OPTS "${shellWord(options.map(shellWord).join(' '))}
CATALINA_PID=${shellWord(pidFile)}
CATALINA_OUT=${shellWord(log)}
CATALINA_OUT_CMD=
`
}

/** Tomcat looks for tag libraries and fragments of web.xml in every jar that it is not told to skip, at each start. */
function withoutScan(properties: string): string {
  return properties.replace(
    /^(tomcat\.util\.scan\.StandardJarScanFilter\.jarsToSkip=)(\\\n)/m,
    '$1$2tomcat-session-*.jar,$2',
  )
}

/** Tomcat's own names: `/` is ROOT, `/a/b` is a#b. */
function folderName(context: string): string {
  return context === '/' ? 'ROOT' : context.slice(1).replaceAll('/', '#')
}

/** Into webapps, and not by a descriptor: so the application's own META-INF/context.xml counts. */
async function mount({ path, kind }: Webapp, target: string): Promise<void> {
  if (kind === 'folder') return symlink(path, target)
  const war = `${target}.war`
  // Another name of the same file; a copy where the file system has no such thing.
  await link(path, war).catch(() => copyFile(path, war))
}

async function putJar(lib: string, jar: string | null): Promise<void> {
  const name = jar === null ? null : basename(jar)
  for (const other of await readdir(lib))
    if (other !== name) await rm(join(lib, other), { recursive: true, force: true })
  if (jar === null || name === null) return
  // Copied at each start: one of the same version may be newer.
  const draft = join(dirname(lib), `.${name}.next`)
  await rm(draft, { force: true })
  await cp(jar, draft)
  await rename(draft, join(lib, name))
}

async function writeIfChanged(path: string, text: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => null)
  if (found !== text) await writeAtomically(path, text)
}
