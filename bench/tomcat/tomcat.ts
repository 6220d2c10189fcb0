import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '@baton/testkit'
import { type ServerProcess, startServerProcess } from '../proxy/server-process.ts'
import { type Contestant, managerOf } from './contestants.ts'
import { type BenchJars, tomcatHome } from './jars.ts'

export interface Tomcat extends ServerProcess {
  readonly contestant: Contestant
  readonly url: string
  /** CATALINA_BASE. */
  readonly base: string
  /** Begins so many sessions of so many bytes; resolves to their cookies. */
  begin(count: number, bytes: number): Promise<string[]>
}

/** A Tomcat of its own, as it comes but for the sessions. `redisUrl`: with a database that only it has. */
export async function startTomcat(
  contestant: Contestant,
  { folder, redisUrl, jars }: { readonly folder: string; readonly redisUrl: string; readonly jars: BenchJars },
): Promise<Tomcat> {
  const [port = 0] = await freePorts(1)
  const base = await mkdtemp(join(folder, 'base-'))
  for (const name of ['conf', 'lib', 'logs', 'temp', 'work', 'sessions', 'webapps/ROOT/WEB-INF']) {
    await mkdir(join(base, name), { recursive: true })
  }
  if (contestant.jars !== 'none') await cp(jars[contestant.jars], join(base, 'lib'), { recursive: true })
  await cp(jars.classes, join(base, 'webapps/ROOT/WEB-INF/classes'), { recursive: true })
  await writeFile(join(base, 'conf/server.xml'), serverXml(port))
  await writeFile(join(base, 'conf/context.xml'), `<Context>${managerOf(contestant.name, redisUrl)}</Context>\n`)
  await writeFile(join(base, 'redisson.yaml'), redissonYaml(redisUrl))
  const url = `http://127.0.0.1:${port}`
  const server = await startServerProcess([join(tomcatHome, 'bin/catalina.sh'), 'run'], {
    cwd: base,
    url: `${url}/health`,
    timeoutMs: 180_000,
    env: { CATALINA_HOME: tomcatHome, CATALINA_BASE: base, CATALINA_OPTS: '-Xms384m -Xmx384m' },
  })
  return { ...server, contestant, url, base, begin: (count, bytes) => begin(`${url}/begin?bytes=${bytes}`, count) }
}

async function begin(url: string, count: number): Promise<string[]> {
  const cookies: string[] = []
  let begun = 0
  const visitor = async () => {
    while (begun++ < count) {
      const answer = await fetch(url)
      await answer.text()
      if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
      cookies.push(
        answer.headers
          .getSetCookie()
          .map((line) => line.split(';', 1)[0] ?? '')
          .join('; '),
      )
    }
  }
  await Promise.all(Array.from({ length: 16 }, visitor))
  return cookies
}

function serverXml(port: number): string {
  return `<Server port="-1">
  <Service name="Catalina">
    <Connector port="${port}" address="127.0.0.1" maxKeepAliveRequests="-1" />
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" autoDeploy="false" />
    </Engine>
  </Service>
</Server>
`
}

/** Its defaults, but for the server. */
function redissonYaml(redisUrl: string): string {
  const { host, pathname } = new URL(redisUrl)
  return `singleServerConfig:\n  address: "redis://${host}"\n  database: ${pathname.slice(1) || '0'}\n`
}
