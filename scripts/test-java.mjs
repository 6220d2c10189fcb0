// node scripts/test-java.mjs: the tests of the sessions for Tomcat, all on Tomcat 10.1, and those of Tomcat's part on 9 and 11.
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { javaProblem, maven } from './java.mjs'

/** @typedef {{ passed: number, failed: number, skipped: number, lines: string[] }} Counts */

/**
 * What may differ from one Tomcat to another: not what becomes of requests while Redis is away, nor the near cache, nor what
 * values there are.
 */
const NOT_TOMCATS = ['OutageTest', 'NearCacheRequestTest', 'CollectionTest']
const TOMCAT_PART = ['-Dtest=baton/tomcat/*Test', ...NOT_TOMCATS.map((name) => `!baton/tomcat/${name}`)].join(',')

/** What is compiled is for 10.1, and runs on 11 as it is; 9 has classes of its own. @type {[name: string, classes: string, args: string[]][]} */
const runs = [
  ['Tomcat 10.1', 'jakarta', []],
  ['Tomcat 11', 'jakarta', ['-Ptomcat11', TOMCAT_PART]],
  ['Tomcat 9', 'javax', ['-Pjavax', TOMCAT_PART]],
]

/**
 * Runs them all, one Tomcat after the other. Without Java they are skipped, but in CI (CI=true) that is a failure. Lines say
 * what failed, what was skipped and why, and the counts of each Tomcat.
 *
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<Counts>}
 */
export async function testJava({ log = () => {} } = {}) {
  const problem = javaProblem()
  if (problem !== null) {
    const isFailure = process.env.CI === 'true'
    const lines = [`${isFailure ? 'failed' : 'skipped'}: the tests of the sessions for Tomcat: ${problem}`]
    return { passed: 0, failed: isFailure ? 1 : 0, skipped: isFailure ? 0 : 1, lines }
  }
  /** @type {Counts} */
  const all = { passed: 0, failed: 0, skipped: 0, lines: [] }
  const folder = mkdtempSync(join(tmpdir(), 'baton-test-java-'))
  try {
    for (const [name, classes, args] of runs) {
      log(`Testing the sessions on ${name} …`)
      const counts = await testOn(name, join(folder, classes), args)
      all.passed += counts.passed
      all.failed += counts.failed
      all.skipped += counts.skipped
      all.lines.push(...counts.lines)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return all
}

/**
 * @param {string} name
 * @param {string} target where Maven puts what it makes
 * @param {string[]} args
 * @returns {Promise<Counts>}
 */
async function testOn(name, target, args) {
  const startedAt = performance.now()
  const reports = join(target, 'surefire-reports')
  rmSync(reports, { recursive: true, force: true })
  // Budgets of 250 ms are tested by the clock: who fails once is asked again, and named.
  const options = ['-q', `-Dtarget=${target}`, '-Dsurefire.rerunFailingTestsCount=1', ...args]
  const { exitCode, output } = await maven([...options, 'test'], { quiet: true })
  const counts = countsOf(reports)
  if (exitCode !== 0 && counts.failed === 0) {
    counts.failed += 1
    counts.lines.push(`failed: ${name}: Maven ended with exit code ${exitCode}:\n${tail(output)}`)
  }
  if (counts.passed === 0 && counts.failed === 0) {
    counts.failed += 1
    counts.lines.push(`failed: ${name}: no test ran`)
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  const sum = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${seconds} s)`
  return { ...counts, lines: [...counts.lines.map((line) => `${line} [${name}]`), `${name}: ${sum}`] }
}

/** @param {string} folder @returns {Counts} */
function countsOf(folder) {
  /** @type {Counts} */
  const counts = { passed: 0, failed: 0, skipped: 0, lines: [] }
  for (const file of filesOf(folder)) {
    const report = readFileSync(join(folder, file), 'utf8')
    for (const [, attributes = '', rest = ''] of report.matchAll(
      /<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
    )) {
      const test = `${attribute(attributes, 'classname')}.${attribute(attributes, 'name')}`
      if (/<(?:failure|error)[ >]/.test(rest)) {
        counts.failed += 1
        counts.lines.push(`failed: ${test}: ${attribute(rest, 'message').split('\n')[0]?.slice(0, 300)}`)
      } else if (/<skipped/.test(rest)) {
        counts.skipped += 1
        counts.lines.push(`skipped: ${test}`)
      } else {
        counts.passed += 1
        if (/<flaky(?:Failure|Error)[ >]/.test(rest)) counts.lines.push(`passed at the second try only: ${test}`)
      }
    }
  }
  return counts
}

/** Of an XML element. @param {string} text @param {string} name */
function attribute(text, name) {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(text)?.[1] ?? ''
  return value.replace(/&(lt|gt|quot|apos|amp|#10);/g, (entity, key) => ENTITIES.get(key) ?? entity)
}

const ENTITIES = new Map(Object.entries({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&', '#10': '\n' }))

/** @param {string} folder */
function filesOf(folder) {
  try {
    return readdirSync(folder).filter((name) => /^TEST-.*\.xml$/.test(name))
  } catch {
    return []
  }
}

/** What Maven says of its failure, without what the tests log. @param {string} output */
function tail(output) {
  const errors = output.split('\n').filter((line) => line.includes('[ERROR]'))
  return (errors.length > 0 ? errors : output.split('\n')).slice(0, 20).join('\n')
}

if (realpathSync(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  const { passed, failed, skipped, lines } = await testJava({ log: console.log })
  for (const line of lines) console.log(line)
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  process.exitCode = failed === 0 ? 0 : 1
}
