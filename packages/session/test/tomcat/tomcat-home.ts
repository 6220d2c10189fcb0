import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hasRedis } from '../redis-server.ts'

/** CATALINA_HOME, or where Debian has it. */
export const tomcatHome = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'

/** Whether the tests with Tomcat can run. Without it they are skipped, with the remedy; in CI that is an error. */
export const hasTomcat = probe() && hasRedis

function probe(): boolean {
  try {
    if (!existsSync(join(tomcatHome, 'bin/catalina.sh'))) throw new Error(`no Tomcat in ${tomcatHome}`)
    for (const [tool, flag] of [
      ['javac', '-version'],
      ['mvn', '--version'],
    ] as const) {
      execFileSync(tool, [flag], { stdio: 'ignore' })
    }
    return true
  } catch (error) {
    const remedy = `${(error as Error).message}: run \`apt-get install tomcat10 default-jdk-headless maven\``
    if (process.env.CI) throw new Error(remedy)
    console.warn(`skipped: ${remedy}`)
    return false
  }
}
