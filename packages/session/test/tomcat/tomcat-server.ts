import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../redis-server.ts'
import { buildWebapp, sessionJar } from './tomcat-files.ts'
import { tomcatHome } from './tomcat-home.ts'

/** A real Tomcat of the test's own. */
export interface TestTomcat {
  /** Of the application at the root. */
  readonly origin: string
  /** What it has logged. */
  log(): Promise<string>
  kill(): Promise<void>
}

/** The application of the tests, once more, at a path and on a store of its own. */
export interface TomcatApp {
  /** '' is the root. */
  readonly path?: '' | `/${string}`
  readonly store: string
  readonly namespace: string
  /** Attributes of its <Manager>, beyond store and namespace. Default: budgets that no busy machine exceeds. */
  readonly manager?: Readonly<Record<string, string | number | boolean>>
}

/** As a test machine may be slow, and what is tested is what happens, not how soon. */
const patient = { connectTimeout: 10_000, loadTimeout: 10_000, commitTimeout: 10_000 }

const deadlineMs = 60_000

export async function startTomcat(apps: readonly TomcatApp[]): Promise<TestTomcat> {
  const base = await mkdtemp(join(tmpdir(), 'baton-tomcat-'))
  let child: ChildProcess | undefined
  // A hook that takes too long leaves nobody to stop it.
  const abandon = () => void child?.kill('SIGKILL')
  process.once('exit', abandon)
  const tomcat = {
    origin: '',
    log: () => readFile(join(base, 'catalina.out'), 'utf8'),
    async kill() {
      process.off('exit', abandon)
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        const exit = once(child, 'exit')
        child.kill('SIGKILL')
        await exit
      }
      await rm(base, { recursive: true, force: true })
    },
  }
  try {
    const port = await freePort()
    tomcat.origin = `http://127.0.0.1:${port}`
    await makeBase(base, port, apps)
    const out = await open(join(base, 'catalina.out'), 'w')
    child = spawn(join(tomcatHome, 'bin/catalina.sh'), ['run'], {
      env: {
        ...process.env,
        CATALINA_HOME: tomcatHome,
        CATALINA_BASE: base,
        CATALINA_TMPDIR: join(base, 'temp'),
        // Quick to start, and small: it does not live long.
        CATALINA_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx192m',
      },
      stdio: ['ignore', out.fd, out.fd],
    })
    await out.close()
    for (const { path = '' } of apps) await untilServing(`${tomcat.origin}${path}/none`, child)
    return tomcat
  } catch (error) {
    const said = await tomcat.log().catch(() => '')
    await tomcat.kill()
    throw new Error(`Tomcat does not start: ${(error as Error).message}\n${said.slice(-4_000)}`)
  }
}

async function makeBase(base: string, port: number, apps: readonly TomcatApp[]): Promise<void> {
  const contexts = join(base, 'conf/Catalina/localhost')
  for (const folder of ['lib', 'logs', 'temp', 'webapps', 'work']) await mkdir(join(base, folder))
  await mkdir(contexts, { recursive: true })
  await Promise.all([
    sessionJar().then((jar) => copyFile(jar, join(base, 'lib/tomcat-session.jar'))),
    buildWebapp(join(base, 'pages')),
    writeFile(join(base, 'conf/server.xml'), serverXml(port)),
    writeFile(join(base, 'conf/tomcat-users.xml'), usersXml),
    ...apps.map((app) => {
      const name = app.path ? app.path.slice(1) : 'ROOT'
      return writeFile(join(contexts, `${name}.xml`), contextXml(join(base, 'pages'), app))
    }),
  ])
}

function serverXml(port: number): string {
  return `<Server port="-1">
  <Service name="Catalina">
    <Connector port="${port}" address="127.0.0.1" maxThreads="200" keepAliveTimeout="-1" maxKeepAliveRequests="-1" />
    <Engine name="Catalina" defaultHost="localhost">
      <Realm className="org.apache.catalina.realm.MemoryRealm" />
      <Host name="localhost" appBase="webapps" autoDeploy="false" />
    </Engine>
  </Service>
</Server>
`
}

const usersXml = `<tomcat-users>
  <role rolename="buyer" />
  <user username="ann" password="secret" roles="buyer" />
  <user username="ben" password="secret" roles="buyer" />
</tomcat-users>
`

function contextXml(docBase: string, { store, namespace, manager }: TomcatApp): string {
  const attributes = Object.entries({ store, namespace, ...patient, ...manager })
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ')
  return `<Context docBase="${docBase}">
  <JarScanner scanClassPath="false" />
  <Valve className="baton.tomcat.SessionValve" />
  <Manager className="baton.tomcat.SessionManager" ${attributes} />
</Context>
`
}

async function untilServing(url: string, child: ChildProcess): Promise<void> {
  const until = performance.now() + deadlineMs
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`)
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    if (performance.now() > until) throw new Error(`${url} answers ${status}`)
    await sleep(20)
  }
}
