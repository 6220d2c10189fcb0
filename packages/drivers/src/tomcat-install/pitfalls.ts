import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { CatalinaBase } from './catalina-base.ts'
import { attributeOf, lineAt, scanXml, type XmlTag } from './xml-tags.ts'

/** What is worth mending, though Baton does not: whoever runs this Tomcat may have a reason. */
export interface TomcatPitfall {
  readonly rule: 'auto-deploy' | 'shutdown-port' | 'keep-alive' | 'cluster' | 'own-manager' | 'several-applications'
  readonly message: string
  readonly remedy: string
}

/** What server.xml says of its hosts. */
export interface TomcatHosts {
  readonly pitfalls: readonly TomcatPitfall[]
  /** Tomcat starts applications anew when their files, or conf/context.xml, change. */
  readonly autoDeploys: boolean
}

/**
 * Looks at conf/server.xml and at the applications' own context files. Fails with `xml-damaged`.
 *
 * @param idleMs how long the balancer keeps an idle connection to a node
 */
export async function findPitfalls(base: CatalinaBase, { idleMs }: { readonly idleMs: number }): Promise<TomcatHosts> {
  const text = await readFile(base.serverFile, 'latin1').catch(() => null)
  if (text === null) return { pitfalls: [], autoDeploys: false }
  const tags = scanXml(text, base.serverFile).tags.filter((tag) => tag.kind !== 'close')
  const where = (tag: XmlTag) => `${base.serverFile}:${lineAt(text, tag.start)}`
  const hosts = tags.filter((tag) => tag.name === 'Host')
  const eager = hosts.filter((host) => (attributeOf(host, 'autoDeploy') ?? 'true') !== 'false')
  const appBases = hosts.map((host) => resolve(base.dir, attributeOf(host, 'appBase') ?? 'webapps'))
  return {
    autoDeploys: eager.length > 0,
    pitfalls: [
      ...eager.map((host) => autoDeploy(where(host))),
      ...tags
        .filter(hasShutdownPort)
        .map((server) => shutdownPort(where(server), attributeOf(server, 'port') ?? '8005')),
      ...tags.filter((tag) => tag.name === 'Connector').flatMap((tag) => keepAlive(where(tag), tag, idleMs)),
      ...tags.filter((tag) => tag.name === 'Cluster').map((cluster) => replication(where(cluster))),
      ...tags
        .filter((tag) => tag.name === 'Manager' && tag.within.includes('Context'))
        .map((tag) => ownManager(where(tag))),
      ...(await applicationPitfalls(base, appBases)),
    ],
  }
}

function autoDeploy(where: string): TomcatPitfall {
  return {
    rule: 'auto-deploy',
    message: `${where}: autoDeploy is on: a WAR that is put into webapps/ starts at once, before Baton has drained the node`,
    remedy: 'autoDeploy="false" on <Host>: Tomcat then deploys when it starts, which Baton sees to',
  }
}

function hasShutdownPort(tag: XmlTag): boolean {
  return tag.name === 'Server' && attributeOf(tag, 'port') !== '-1'
}

function shutdownPort(where: string, port: string): TomcatPitfall {
  return {
    rule: 'shutdown-port',
    message: `${where}: whoever reaches port ${port} of this host can stop Tomcat, and a second Tomcat with the same port does not start`,
    remedy: 'port="-1" on <Server>, and stop it by a signal, as systemd and catalina.sh with CATALINA_PID do',
  }
}

function keepAlive(where: string, connector: XmlTag, idleMs: number): TomcatPitfall[] {
  if (attributeOf(connector, 'protocol')?.startsWith('AJP') === true) return []
  const name = attributeOf(connector, 'keepAliveTimeout') === undefined ? 'connectionTimeout' : 'keepAliveTimeout'
  const keptMs = Number(attributeOf(connector, name) ?? '60000')
  // -1: for ever. What stands in for a property is not known here.
  if (!Number.isFinite(keptMs) || keptMs < 0 || keptMs > idleMs) return []
  return [
    {
      rule: 'keep-alive',
      message:
        `${where}: Tomcat closes idle connections after ${keptMs / 1000} s (${name}), the balancer keeps them for ${idleMs / 1000} s: ` +
        'a request that is sent just then is lost',
      remedy: `keepAliveTimeout="${idleMs + 15_000}" on <Connector>, or a shorter keepalive_timeout in the balancer's upstream`,
    },
  ]
}

function replication(where: string): TomcatPitfall {
  return {
    rule: 'cluster',
    message: `${where}: <Cluster> copies sessions between Tomcats, which is not needed any more`,
    remedy: 'take it out; its Manager would only serve applications that are <distributable/> and have no other',
  }
}

function ownManager(where: string): TomcatPitfall {
  return {
    rule: 'own-manager',
    message: `${where}: this application has a <Manager> of its own, which goes before the one of conf/context.xml`,
    remedy: 'take it out, or the sessions of this application are not shared',
  }
}

async function applicationPitfalls(base: CatalinaBase, appBases: readonly string[]): Promise<TomcatPitfall[]> {
  const descriptors = await filesBelow(join(dirname(base.serverFile)), 2, (name) => name.endsWith('.xml'))
  const names = new Set(descriptors.map((file) => file.slice(0, -'.xml'.length).split('/').at(-1)!))
  const contexts = [...descriptors]
  for (const appBase of appBases) {
    for (const entry of await readdir(appBase, { withFileTypes: true }).catch(() => [])) {
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory()) contexts.push(join(appBase, entry.name, 'META-INF', 'context.xml'))
      if (entry.isDirectory() || entry.name.endsWith('.war')) names.add(entry.name.replace(/\.war$/, ''))
    }
  }
  const found: TomcatPitfall[] = []
  for (const file of contexts) {
    const text = await readFile(file, 'latin1').catch(() => null)
    if (text === null) continue
    const own = scanXml(text, file).tags.find((tag) => tag.kind !== 'close' && tag.name === 'Manager')
    if (own !== undefined) found.push(ownManager(`${file}:${lineAt(text, own.start)}`))
  }
  if (names.size > 1) {
    found.push({
      rule: 'several-applications',
      message: `conf/context.xml is for all applications of this Tomcat (${[...names].sort().join(', ')}): they would share one session`,
      remedy:
        'keep one application in each Tomcat, or give each a cookie of its own (sessionCookieName on its <Context>) and a namespace',
    })
  }
  return found
}

/** Files exactly `depth` folders below. */
async function filesBelow(folder: string, depth: number, isWanted: (name: string) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  if (depth === 0)
    return entries
      .filter((entry) => !entry.isDirectory() && isWanted(entry.name))
      .map((entry) => join(folder, entry.name))
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => filesBelow(join(folder, entry.name), depth - 1, isWanted))
  return (await Promise.all(below)).flat()
}
