import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '@baton/testkit'

/** CATALINA_HOME of the Tomcat that is measured: 10.1. */
export const tomcatHome = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'

/** Folders with what each needs in Tomcat's lib, and the classes of the app. */
export interface BenchJars {
  readonly redisson: string
  readonly baton: string
  readonly classes: string
}

/** Builds the app, and has Maven fetch redisson-tomcat with all that it needs. */
export function prepareJars(folder: string): BenchJars {
  const [redisson, baton, classes] = ['redisson', 'baton', 'classes'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const each of [redisson, baton, classes]) mkdirSync(each)
  const pom = join(repository, 'bench/tomcat/pom.xml')
  run('mvn', [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:copy-dependencies',
    `-DoutputDirectory=${redisson}`,
    '-DincludeScope=runtime',
  ])
  run(process.execPath, [join(repository, 'scripts/build-tomcat.mjs')])
  const jars = join(repository, 'packages/drivers/java')
  const jar = readdirSync(jars).find((name) => /^tomcat-session-[\d.]+\.jar$/.test(name)) ?? ''
  run('cp', [join(jars, jar), baton])
  const servletApi = join(tomcatHome, 'lib/servlet-api.jar')
  run('javac', ['-cp', servletApi, '-d', classes, join(repository, 'bench/tomcat/app/BenchServlet.java')])
  return { redisson, baton, classes }
}

/** Tomcat's, redisson's and ours. */
export function versionsOf({ redisson, baton }: BenchJars): string {
  const tomcat = /number:\s*(\S+)/.exec(run(join(tomcatHome, 'bin/catalina.sh'), ['version']))?.[1] ?? ''
  const names = [...readdirSync(redisson), ...readdirSync(baton)]
  const found = (name: string) =>
    names.map((each) => new RegExp(`^${name}-(\\d[\\d.]*\\d)\\.jar$`).exec(each)?.[1]).find(Boolean)
  const java = run('java', ['--version']).split('\n')[0]
  return `Tomcat ${tomcat}, ${java}; baton ${found('tomcat-session')}, redisson-tomcat ${found('redisson-tomcat-10')} with redisson ${found('redisson')}`
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}
