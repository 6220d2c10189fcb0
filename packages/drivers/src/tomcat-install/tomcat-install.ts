import { mkdir, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { BatonError } from '@baton/core'
import { writeAtomically } from '../durable.ts'
import { servletApiOf, sessionJar, type TomcatVersion, tomcatVersion } from '../session-jar.ts'
import { type CatalinaBase, loadsLib, openCatalinaBase, readsEnvironment, type TomcatPlace } from './catalina-base.ts'
import { changeDiff } from './change-diff.ts'
import { emptyContext, installedSessions, withoutSessions, withSessions } from './context-text.ts'
import { findPitfalls, type TomcatHosts } from './pitfalls.ts'
import { tomcatProcess } from './running.ts'

export interface TomcatChangeOptions extends TomcatPlace {
  /** How long the balancer keeps an idle connection to a node. */
  readonly idleMs: number
}

export interface TomcatInstallOptions extends TomcatChangeOptions {
  /** A Redis URL, or `${NAME}` for Tomcat to replace. undefined: what is there stays. */
  readonly store: string | undefined
  readonly namespace: string | undefined
  /** Where the jars stand, instead of in this package. */
  readonly jarFolder?: string
}

/** What would be done to a Tomcat. Nothing is, before `apply`. */
export interface TomcatChange {
  readonly contextFile: string
  /** Paths of jars. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** false: everything is as wanted already. */
  readonly isNeeded: boolean
  /** Of `contextFile`, unified, without passwords. */
  readonly diff: string
  readonly warnings: readonly string[]
  /** Fails with `tomcat-running`, with `tomcat-changed` if somebody else was quicker, or with `tomcat-read-only`. */
  apply(): Promise<void>
}

/** Our jar into lib/, our lines into conf/context.xml. Fails as the parts do, and with `usage` where no store is named. */
export async function planTomcatInstall(options: TomcatInstallOptions): Promise<TomcatChange> {
  const base = await openCatalinaBase(options)
  const version = await tomcatVersion(base.home)
  const jar = await sessionJar({
    api: servletApiOf(version),
    ...(options.jarFolder === undefined ? {} : { folder: options.jarFolder }),
  })
  if (!loadsLib(base)) throw noLoader(base)
  const context = await readContext(base)
  const installed = context === null ? null : installedSessions(context.text, base.contextFile)
  const store = options.store ?? installed?.store
  if (store === undefined && installed === null) throw noStore()
  checkWanted(options)

  const madeLib = (await stat(base.libDir).catch(() => null)) === null
  const after = withSessions(context?.text ?? emptyContext, options, { file: base.contextFile, madeLib })
  const target = join(base.libDir, basename(jar))
  const [fresh, there] = [await readFile(jar), await readFile(target).catch(() => null)]
  const isNew = there === null || !fresh.equals(there)
  const removed = (await jarsIn(base.libDir)).filter((path) => path !== target)
  const hosts = await findPitfalls(base, options)
  return changeOf(base, hosts, context, after, {
    added: isNew ? [target] : [],
    removed,
    warnings: [
      ...homeWarnings(base, version),
      ...(store === undefined ? [] : secretWarnings(base, store, context?.mode ?? freshMode)),
      ...hosts.pitfalls.map(({ message, remedy }) => `${message}. Remedy: ${remedy}`),
    ],
    // The jar first: a Tomcat that is started in between finds its class.
    async before() {
      if (!isNew) return
      await mkdir(base.libDir, { recursive: true })
      await writeAtomically(target, fresh, { mode: 0o644 })
    },
    async after() {
      for (const path of removed) await rm(path, { force: true })
    },
  })
}

/** Takes out what `planTomcatInstall` put in. */
export async function planTomcatUninstall(place: TomcatChangeOptions): Promise<TomcatChange> {
  // It needs nothing of CATALINA_HOME, which may be gone by now.
  const base = await openCatalinaBase({ ...place, home: place.home ?? place.dir })
  const context = await readContext(base)
  const installed = context === null ? null : installedSessions(context.text, base.contextFile)
  const rest = context === null ? null : withoutSessions(context.text, base.contextFile)
  const removed = await jarsIn(base.libDir)
  const hosts = await findPitfalls(base, place)
  return changeOf(base, hosts, context, rest === emptyContext ? null : rest, {
    added: [],
    removed,
    warnings: [],
    async before() {},
    async after() {
      for (const path of removed) await rm(path, { force: true })
      // Others may have put something into it since.
      if (installed?.madeLib === true) await rmdir(base.libDir).catch(() => {})
    },
  })
}

// ---- The change

interface ContextFile {
  /** One character a byte: whatever the encoding, what is not touched comes back as it was. */
  readonly text: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Of a context.xml that is made. */
const freshMode = 0o640

interface Steps extends Pick<TomcatChange, 'added' | 'removed' | 'warnings'> {
  before(): Promise<void>
  after(): Promise<void>
}

function changeOf(
  base: CatalinaBase,
  hosts: TomcatHosts,
  context: ContextFile | null,
  text: string | null,
  { added, removed, warnings, before, after }: Steps,
): TomcatChange {
  const file = base.contextFile
  const isChanged = text !== (context?.text ?? null)
  const isNeeded = isChanged || added.length > 0 || removed.length > 0
  return {
    contextFile: file,
    added,
    removed,
    isNeeded,
    diff: changeDiff(file, context && readable(context.text), text && readable(text)),
    warnings,
    async apply() {
      if (!isNeeded) return
      await refuseWhileItDeploys(base, hosts, isChanged)
      if (((await readContext(base))?.text ?? null) !== (context?.text ?? null)) {
        throw new BatonError('tomcat-changed', `${file} has been changed since it was looked at`, {
          hint: 'nothing was written: run this again',
        })
      }
      try {
        await before()
        if (isChanged && text === null) await rm(file)
        else if (isChanged) await write(base, text!, context)
        await after()
      } catch (cause) {
        throw notWritten(cause, base)
      }
    },
  }
}

async function write(base: CatalinaBase, text: string, context: ContextFile | null): Promise<void> {
  const like = context ?? { ...(await stat(base.serverFile)), mode: freshMode }
  await writeAtomically(base.contextFile, Buffer.from(text, 'latin1'), {
    mode: like.mode & 0o7777,
    owner: { uid: like.uid, gid: like.gid },
  })
}

async function readContext({ contextFile: file }: CatalinaBase): Promise<ContextFile | null> {
  try {
    const [bytes, { mode, uid, gid }] = [await readFile(file), await stat(file)]
    if (bytes.includes(0)) {
      throw new BatonError('tomcat-context-damaged', `${file} is in UTF-16 or UTF-32, or is no text`, {
        hint: 'convert it to UTF-8 (iconv), with encoding="UTF-8" in its first line, and run this again',
      })
    }
    return { text: bytes.toString('latin1'), mode, uid, gid }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (cause instanceof BatonError) throw cause
    throw new BatonError('tomcat-read-only', `${file} cannot be read (${code})`, { hint: asRoot, cause })
  }
}

/** For people: most files are in UTF-8, and where one is not, a few letters in the diff are odd. */
function readable(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8')
}

async function jarsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names
    .filter((name) => /^tomcat-session-\d[\w.]*(?:-javax)?\.jar$/.test(name))
    .map((name) => join(folder, name))
}

// ---- Refusals and warnings

/**
 * With autoDeploy, Tomcat starts all applications anew within seconds when conf/context.xml changes; and it finds jars in lib/
 * only when it starts itself, so they would all fail.
 */
async function refuseWhileItDeploys(
  base: CatalinaBase,
  { autoDeploys }: TomcatHosts,
  isChanged: boolean,
): Promise<void> {
  if (!autoDeploys || !isChanged) return
  const pid = await tomcatProcess(base.dir)
  if (pid === null) return
  throw new BatonError(
    'tomcat-running',
    `the Tomcat of ${base.dir} runs (process ${pid}) with autoDeploy on: it would start its applications anew as soon as conf/context.xml changes, and they would fail`,
    {
      hint: 'nothing was written: take the node out (`baton drain`), stop its Tomcat, run this again, start it, and `baton join`; or set autoDeploy="false" in conf/server.xml and restart Tomcat first',
    },
  )
}

/** The wrong one would get a jar that its applications cannot use. */
function homeWarnings({ dir, home, isHomeGuessed }: CatalinaBase, { major, minor }: TomcatVersion): string[] {
  if (!isHomeGuessed) return []
  return [
    `${dir} is taken to belong to ${home} (Tomcat ${major}.${minor}), the only one installed there. Remedy: --home, if not`,
  ]
}

function secretWarnings(base: CatalinaBase, store: string, mode: number): string[] {
  if (store.includes('${')) {
    if (readsEnvironment(base)) return []
    return [
      `Tomcat replaces ${store} by a system property of that name, and by the environment only if conf/catalina.properties has ` +
        'org.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource',
    ]
  }
  if (!/:\/\/[^/@]*:[^/@]+@|[?&]\w*password=/i.test(store) || (mode & 0o004) === 0) return []
  return [
    `${base.contextFile} will hold the store's password, and everybody on this host may read it. Remedy: chmod o-r, or keep it out: ` +
      `--store '\${BATON_SESSION_STORE}', with the URL in the environment of Tomcat's service (docs/tomcat.md)`,
  ]
}

function checkWanted({ store, namespace }: TomcatInstallOptions): void {
  if (store !== undefined && !store.includes('${') && !/^rediss?(?:\+(?:sentinel|cluster))?:\/\/[^/\s]/.test(store)) {
    throw new BatonError('usage', 'the store is not the URL of a Redis', {
      hint: 'write --store redis://127.0.0.1:6379/0, or rediss:// for TLS (docs/tomcat.md)',
    })
  }
  if (namespace !== undefined && !namespace.includes('${') && !/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) {
    throw new BatonError('usage', 'the namespace is not valid', {
      hint: 'write 1 to 64 letters, digits and _ . -, such as app',
    })
  }
}

function noStore(): BatonError {
  return new BatonError('usage', 'where the sessions are to be kept is not known', {
    hint: 'name the Redis with --store redis://HOST:6379, or in baton.yaml as sessions.store (Tomcat cannot use `embedded`)',
  })
}

function noLoader({ dir }: CatalinaBase): BatonError {
  return new BatonError('tomcat-loader', `this Tomcat does not load jars from ${dir}/lib`, {
    hint: `put "\${catalina.base}/lib","\${catalina.base}/lib/*.jar" back into common.loader in conf/catalina.properties`,
  })
}

const asRoot = 'run this as the user who may change it, for example with sudo'

function notWritten(cause: unknown, { dir }: CatalinaBase): unknown {
  const { code, path } = cause as NodeJS.ErrnoException
  if (!['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')) return cause
  return new BatonError('tomcat-read-only', `${path ?? dir} cannot be written (${code})`, { hint: asRoot, cause })
}
