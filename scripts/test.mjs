// npm test [-- vitest's own arguments]: with arguments those tests alone, without them also the ones written in Java
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildTomcat } from './build-tomcat.mjs'
import { repository, runModule } from './run.mjs'
import { setUp } from './setup.mjs'
import { testJava } from './test-java.mjs'

await setUp({ servers: 'test' })
// Tests that need the jars say themselves that they are missing.
const { problem } = await buildTomcat({ log: console.log })
if (problem !== null) console.log(problem)

const reportFile = join(repository, '.tmp', `vitest-${process.pid}.json`)
mkdirSync(join(repository, '.tmp'), { recursive: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
const { exitCode } = await runModule('vitest/vitest.mjs', ['run', ...reporters, ...process.argv.slice(2)])

/** @typedef {{ fullName: string, status: string, meta: { skipReason?: string } }} TestReport */
/** @typedef {{ name: string, status: string, message: string, assertionResults: TestReport[] }} FileReport */
/** @type {FileReport[]} */
const files = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')).testResults : []
rmSync(reportFile, { force: true })

const tests = files.flatMap((file) => file.assertionResults)
const passed = tests.filter((test) => test.status === 'passed')
const failed = tests.filter((test) => test.status === 'failed')
const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed')
// Files that could not even be loaded have no tests to count.
const broken = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)

for (const file of broken) console.log(`failed: ${relative(repository, file.name)}: ${file.message}`)
for (const test of skipped.slice(0, 50)) {
  console.log(`skipped: ${test.fullName}: ${test.meta.skipReason ?? 'by its own condition, or by this command'}`)
}
if (skipped.length > 50) console.log(`skipped: … and ${skipped.length - 50} more`)
const wantsAll = process.argv.length === 2
const java = wantsAll ? await testJava({ log: console.log }) : { passed: 0, failed: 0, skipped: 0, lines: [] }
for (const line of java.lines) console.log(line)

const failures = failed.length + broken.length
if (exitCode !== 0 && failures === 0)
  console.log(`vitest ended with exit code ${exitCode}, though no test failed: see above.`)
console.log(
  `${passed.length + java.passed} passed, ${failures + java.failed} failed, ${skipped.length + java.skipped} skipped`,
)
process.exitCode = exitCode !== 0 ? exitCode : failures + java.failed > 0 ? 1 : 0
