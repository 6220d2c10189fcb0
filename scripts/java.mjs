import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository, run } from './run.mjs'

const JAVA_MIN = 11
/** For a Java that soon ends: compiling takes less than half of the processor's time. */
const SHORT_RUN = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
const INSTALL = 'apt-get install --no-install-recommends default-jdk-headless maven'

/**
 * Why Java cannot be built here, and what helps; null if it can.
 *
 * @returns {string | null}
 */
export function javaProblem() {
  const home = process.env.JAVA_HOME
  const javac = home === undefined || home === '' ? 'javac' : join(home, 'bin', 'javac')
  const jdk = /^javac (?:1\.)?(\d+)/m.exec(said(javac, '-version'))
  const help = `On Debian: sudo ${INSTALL}`
  if (jdk === null) return `no JDK was found (${javac}): Java ${JAVA_MIN} or later is needed. ${help}`
  if (Number(jdk[1]) < JAVA_MIN) return `${javac} is of Java ${jdk[1]}: Java ${JAVA_MIN} or later is needed. ${help}`
  if (!/Apache Maven/.test(said('mvn', '-version'))) return `Maven was not found (mvn). ${help}`
  return null
}

/**
 * Runs Maven on the sessions for Tomcat.
 *
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: Record<string, string> }} [options]
 */
export function maven(args, options) {
  const env = { MAVEN_OPTS: process.env.MAVEN_OPTS ?? SHORT_RUN, ...options?.env }
  return run('mvn', ['-B', '-f', join(repository, 'java/tomcat-session/pom.xml'), ...args], { ...options, env })
}

/** @param {string} command @param {string} arg */
function said(command, arg) {
  const { stdout, stderr } = spawnSync(command, [arg], { encoding: 'utf8' })
  return `${stdout ?? ''}\n${stderr ?? ''}`
}
