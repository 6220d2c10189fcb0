import { access, readdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

/** A web application for Tomcat, built by Maven. */
export interface War {
  readonly name: string
  /** Relative to the folder. */
  readonly source: string
  /** CATALINA_HOME. */
  readonly home: string
  readonly recognised: readonly string[]
}

/** Null where the folder holds no pom.xml of packaging war. */
export async function recogniseWar(dir: string): Promise<War | null> {
  const pom = await readFile(join(dir, 'pom.xml'), 'utf8').catch(() => '')
  // Other elements have names and versions of their own.
  const own = pom.replace(
    /<(parent|dependencies|dependencyManagement|profiles|plugins)>[\s\S]*?<\/\1>|<!--[\s\S]*?-->/g,
    '',
  )
  const element = (name: string) => new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(own)?.[1]
  if (element('packaging') !== 'war') return null
  const artifact = element('artifactId') ?? basename(resolve(dir))
  const built = (await readdir(join(dir, 'target')).catch(() => [])).filter((name) => name.endsWith('.war'))
  const told = (element('finalName') ?? `${artifact}-${element('version') ?? ''}`).replaceAll(
    /\$\{project\.(artifactId|version)\}/g,
    (_all, name: string) => element(name) ?? '',
  )
  const name = built.length === 1 ? built[0] : `${told.includes('$') || told.endsWith('-') ? artifact : told}.war`
  const home =
    (await firstThere(['/usr/share/tomcat11', '/usr/share/tomcat10', '/opt/tomcat'])) ?? '/usr/share/tomcat10'
  const plain = artifact
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return {
    name: plain === '' ? 'app' : plain.slice(0, 63),
    source: `./target/${name}`,
    home,
    recognised: [`a web application built by Maven: ./target/${name}, for the Tomcat in ${home}`],
  }
}

async function firstThere(homes: readonly string[]): Promise<string | undefined> {
  for (const home of homes) {
    const found = await access(join(home, 'bin', 'catalina.sh')).then(
      () => true,
      () => false,
    )
    if (found) return home
  }
  return undefined
}

/** As that of other apps, with what Tomcat nodes need. */
export function warTemplate({ name, source, home }: War): string {
  return `# yaml-language-server: $schema=./node_modules/baton/schema.json
# What Baton rolls out, and how: docs/configuration.md and docs/drivers/tomcat.md. What is left out keeps its default.

name: ${JSON.stringify(name)}

release:
  source: ${JSON.stringify(source)}   # what \`baton deploy\` rolls out: a .war, or a folder with WEB-INF in it
  keep: 5   # successful releases kept for rollback, the current one not counted

balancer:
  driver: embedded   # \`baton up\` runs it; nginx or haproxy: one of yours
  listen: 127.0.0.1:8080   # where clients connect; 0.0.0.0:8080 for all of this machine's addresses

# Each node is a Tomcat of its own, with a CATALINA_BASE that Baton makes below .baton/nodes/.
app:
  driver: tomcat
  home: ${home}   # CATALINA_HOME
  context: /   # where the web application is mounted
  # javaOptions: -Xmx512m
  env: {}   # for example { DB_URL: "jdbc:…" }; the values are texts
  stopTimeout: 15s   # from SIGTERM to SIGKILL

# The order of the file is the order of the roll.
nodes:
  web-1: { address: 127.0.0.1:3001, weight: 10 }
  web-2: { address: 127.0.0.1:3002, weight: 10 }

# When a node is healthy: asked before it joins, and while it bakes.
health:
  path: /
  deadline: 60s   # from the start of a node until it is healthy

rollout:
  minAvailable: 50%   # of the whole weight, what stays in and healthy
  # ramp: [10%, 50% for 30s, 100%]   # JVMs start cold: shares of its weight at which a node joins
  bake: 5s   # watched after joining; leaving health here is a failure

# Shared by all nodes, so that nobody is logged out by a roll.
sessions:
  store: redis://127.0.0.1:6379/0
  namespace: ${JSON.stringify(name)}   # keeps applications apart in one Redis
`
}
