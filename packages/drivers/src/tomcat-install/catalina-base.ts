import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { BatonError } from '@baton/core'

/** An existing Tomcat: what belongs to it and what it shares with others of its version. */
export interface CatalinaBase {
  /** CATALINA_BASE, as it was named. */
  readonly dir: string
  /** CATALINA_HOME. */
  readonly home: string
  /** Nothing names it: it is the only one that is installed. */
  readonly isHomeGuessed: boolean
  /** Symbolic links resolved: what is replaced is the file, and not a link to it. */
  readonly contextFile: string
  readonly serverFile: string
  readonly libDir: string
  /** Of conf/catalina.properties, in ISO 8859-1; null where there is none. */
  readonly properties: string | null
}

/** Where a Tomcat is, and what may tell where its CATALINA_HOME is. */
export interface TomcatPlace {
  /** CATALINA_BASE. */
  readonly dir: string
  /** CATALINA_HOME; null where it has to be found. */
  readonly home: string | null
  /** Where CATALINA_HOME may stand. */
  readonly env: NodeJS.ProcessEnv
  /** Where packages put Tomcats; default `/usr/share`. */
  readonly packagesFolder?: string
}

/** Fails with `tomcat-base-unknown`. */
export async function openCatalinaBase({ dir, ...place }: TomcatPlace): Promise<CatalinaBase> {
  const base = resolve(dir)
  const conf = await realpath(join(base, 'conf')).catch(() => null)
  const looksRight =
    conf !== null && ((await isThere(join(conf, 'context.xml'))) || (await isThere(join(conf, 'server.xml'))))
  if (!looksRight) {
    throw new BatonError(
      'tomcat-base-unknown',
      `${dir} is no CATALINA_BASE: there is no conf/context.xml and no conf/server.xml`,
      {
        hint: 'name the folder with conf/ and webapps/ of one Tomcat, for example /var/lib/tomcat10 (if it is the right one, run this as a user who may read conf/)',
      },
    )
  }
  const contextFile = join(conf, 'context.xml')
  return {
    dir: base,
    ...(await homeOf(base, place)),
    contextFile: await realpath(contextFile).catch(() => contextFile),
    serverFile: join(conf, 'server.xml'),
    libDir: join(base, 'lib'),
    properties: await readFile(join(conf, 'catalina.properties'), 'latin1').catch(() => null),
  }
}

/** Whether Tomcat looks for jars in the base's lib/, as it does unless `common.loader` was changed. */
export function loadsLib({ dir, home, properties }: CatalinaBase): boolean {
  const loader = /^[ \t]*common\.loader[ \t]*[=:](.*(?:\\\r?\n.*)*)/m.exec(properties ?? '')?.[1]
  if (loader === undefined) return true
  return loader.includes('{catalina.base}/lib/*.jar') || (dir === home && loader.includes('{catalina.home}/lib/*.jar'))
}

/** Whether `${NAME}` in a configuration file is replaced by the environment's NAME, and not only by Java's system properties. */
export function readsEnvironment({ properties }: CatalinaBase): boolean {
  return /^[ \t]*org\.apache\.tomcat\.util\.digester\.PROPERTY_SOURCE[ \t]*[=:].*EnvironmentPropertySource/m.test(
    properties ?? '',
  )
}

type Home = Pick<CatalinaBase, 'home' | 'isHomeGuessed'>

async function homeOf(base: string, { home, env, packagesFolder }: Omit<TomcatPlace, 'dir'>): Promise<Home> {
  if (home !== null) return { home: resolve(home), isHomeGuessed: false }
  const packages = packagesFolder ?? '/usr/share'
  // Debian keeps /usr/share/tomcat10 for /var/lib/tomcat10.
  for (const known of [base, env.CATALINA_HOME ?? '', join(packages, basename(base))]) {
    if (known !== '' && (await isHome(known))) return { home: known, isHomeGuessed: false }
  }
  const installed: string[] = []
  for (const name of await readdir(packages).catch((): string[] => [])) {
    if (/^tomcat\d+$/.test(name) && (await isHome(join(packages, name)))) installed.push(join(packages, name))
  }
  if (installed.length === 1) return { home: installed[0]!, isHomeGuessed: true }
  throw new BatonError('tomcat-base-unknown', `${base} has no lib/catalina.jar, and CATALINA_HOME is not known`, {
    hint: "name the folder of Tomcat's own lib/ with --home, for example --home /usr/share/tomcat10",
  })
}

async function isHome(folder: string): Promise<boolean> {
  return isThere(join(folder, 'lib', 'catalina.jar'))
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}
