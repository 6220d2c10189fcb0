import { execFile } from 'node:child_process'
import { cp, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { tomcatHome } from './tomcat-home.ts'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const webapp = fileURLToPath(new URL('webapp/', import.meta.url))

/** The jar with the session manager, built where its sources are newer. BATON_TOMCAT_JAR takes another. */
export async function sessionJar(): Promise<string> {
  const given = process.env.BATON_TOMCAT_JAR
  if (given !== undefined) return given
  await run(process.execPath, [join(repository, 'scripts/build-tomcat.mjs')])
  const folder = join(repository, 'packages/drivers/java')
  const jars = (await readdir(folder)).filter((name) => /^tomcat-session-[\d.]+\.jar$/.test(name))
  const dated = await Promise.all(
    jars.map(async (name) => ({ path: join(folder, name), builtAt: (await stat(join(folder, name))).mtimeMs })),
  )
  const newest = dated.sort((a, b) => b.builtAt - a.builtAt)[0]
  if (newest === undefined) throw new Error(`no jar in ${folder}`)
  return newest.path
}

/** Compiles the application of the tests, unpacked, into `folder`. */
export async function buildWebapp(folder: string): Promise<void> {
  await cp(join(webapp, 'WEB-INF'), join(folder, 'WEB-INF'), { recursive: true })
  const sources = (await readdir(join(webapp, 'src'))).map((name) => join(webapp, 'src', name))
  const api = join(tomcatHome, 'lib/servlet-api.jar')
  await run('javac', ['-Xlint:all', '-cp', api, '-d', join(folder, 'WEB-INF/classes'), ...sources])
}
