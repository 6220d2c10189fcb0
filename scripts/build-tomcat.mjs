// npm run build:tomcat: the jars that the tomcat driver puts into a Tomcat's lib. No dependencies: there may be no node_modules.
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isUpToDate, publish } from './built.mjs'
import { javaProblem, maven } from './java.mjs'
import { repository } from './run.mjs'

const sources = join(repository, 'java/tomcat-session')
const drivers = join(repository, 'packages/drivers')
const folder = join(drivers, 'java')

/**
 * Builds the jars, for Tomcat 10.1 and 11 and for Tomcat 9, if their sources are newer.
 *
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<{ problem: string | null }>} problem: why there are no such jars now
 */
export async function buildTomcat({ log = () => {} } = {}) {
  const { version } = JSON.parse(readFileSync(join(drivers, 'package.json'), 'utf8'))
  const jars = [`tomcat-session-${version}.jar`, `tomcat-session-${version}-javax.jar`]
  const built = jars.map((jar) => join(folder, jar))
  if (isUpToDate(built, [join(sources, 'pom.xml'), join(sources, 'src/main')])) return { problem: null }
  const problem = javaProblem()
  if (problem !== null) return { problem: `The sessions for Tomcat cannot be built: ${problem}` }
  const startedAt = new Date()
  const target = mkdtempSync(join(tmpdir(), 'baton-tomcat-'))
  try {
    // One after the other: Maven's repository takes no downloads of two at a time.
    for (const [index, jar] of jars.entries()) {
      log(`Building ${jar} (Maven) …`)
      const profile = index === 0 ? [] : ['-Pjavax']
      const args = ['-q', ...profile, `-Drevision=${version}`, `-Dtarget=${target}/${index}`, '-Dmaven.test.skip']
      const { exitCode, output } = await maven([...args, 'package'], { quiet: true })
      if (exitCode !== 0) return { problem: `${output}\nThe build of ${jar} failed: see above.` }
    }
    const files = new Map(jars.map((jar, index) => [jar, readFileSync(join(target, `${index}`, jar))]))
    publish(folder, files, startedAt)
    return { problem: null }
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

if (realpathSync(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  const { problem } = await buildTomcat({ log: console.log })
  if (problem !== null) console.error(problem)
  else console.log(`The jars of the sessions for Tomcat are up to date: ${folder}`)
  process.exitCode = problem === null ? 0 : 1
}
