import { execFile } from 'node:child_process'
import { access, constants, readFile, realpath } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { BatonError } from '@baton/core'
import type { TomcatVersion } from '../../session-jar.ts'

export interface Java {
  /** Of the program `java`. */
  readonly path: string
  /** 11, 17, 21; 8 for 1.8. */
  readonly major: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** The Java that catalina.sh takes: JRE_HOME, JAVA_HOME, or the path. Fails with `java-missing` or `java-too-old`. */
export async function findJava(env: Environment, tomcat: TomcatVersion): Promise<Java> {
  const java = await locate(env)
  const major = (await releaseFile(java)) ?? (await ask(java))
  const least = oldestFor(tomcat)
  if (major >= least) return { path: java, major }
  throw new BatonError(
    'java-too-old',
    `${java} is Java ${major}, and Tomcat ${tomcat.version} needs ${least} or later`,
    {
      hint: `install a newer one, and name it: env: { JAVA_HOME: … } under app in baton.yaml`,
    },
  )
}

/** "Which version": tomcat.apache.org/whichversion.html; the sessions themselves need 11. */
function oldestFor({ major }: TomcatVersion): number {
  return major >= 11 ? 17 : 11
}

async function locate({ JRE_HOME = '', JAVA_HOME = '', PATH = '' }: Environment): Promise<string> {
  const named = JRE_HOME || JAVA_HOME
  const candidates =
    named === ''
      ? PATH.split(delimiter).flatMap((each) => (each === '' ? [] : [join(each, 'java')]))
      : [join(named, 'bin', 'java')]
  for (const path of candidates) {
    if (await isExecutable(path)) return path
  }
  const where = named === '' ? 'in the path, and JAVA_HOME is not set' : `at ${candidates[0]}, where JAVA_HOME leads`
  throw new BatonError('java-missing', `there is no java ${where}`, {
    hint: 'install a JDK or JRE (apt install default-jre-headless), or name one: env: { JAVA_HOME: … } under app in baton.yaml',
  })
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Beside bin/ since Java 8, and much quicker than a JVM that says it. */
async function releaseFile(java: string): Promise<number | null> {
  const file = join(dirname(dirname(await realpath(java))), 'release')
  return majorOf(/^JAVA_VERSION="([^"]+)"/m.exec(await readFile(file, 'utf8').catch(() => ''))?.[1])
}

async function ask(java: string): Promise<number> {
  const { stderr } = await promisify(execFile)(java, ['-version'], { timeout: 10_000 }).catch((error) => {
    throw new BatonError('java-missing', `${java} -version fails: ${error.message}`, {
      hint: 'repair this Java, or name another',
    })
  })
  // One that does not tell is taken to be new enough: Tomcat itself will say.
  return majorOf(/version "([^"]+)"/.exec(stderr)?.[1]) ?? Number.POSITIVE_INFINITY
}

function majorOf(version: string | undefined): number | null {
  const number = /^(?:1\.)?(\d+)/.exec(version ?? '')?.[1]
  return number === undefined ? null : Number(number)
}
