// npm run check: everything that can be said about the code without running it. All checks run, also after a failed one.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkDocs } from './check-docs.mjs'
import { repository, run, runModule } from './run.mjs'
import { setUp } from './setup.mjs'

await setUp({ servers: 'check' })

/** What the compiler need not look at again next time. */
const typesSeen = join(repository, '.tmp/types-of-tests.tsbuildinfo')

/** @type {[name: string, check: () => string[] | Promise<string[]>][]} */
const checks = [
  ['types of the packages', module('typescript/bin/tsc', '-b')],
  [
    'types of tests, scripts, demo, bench and examples',
    module('typescript/bin/tsc', '-p', 'tsconfig.test.json', '--incremental', '--tsBuildInfoFile', typesSeen),
  ],
  ['lint and format', module('@biomejs/biome/bin/biome', 'ci', '--colors=off', '.')],
  [
    'import directions and cycles',
    module('dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.mjs', 'packages'),
  ],
  ['dead files, exports and dependencies', module('knip/bin/knip.js')],
  ...publicPackages().map(
    (folder) =>
      /** @type {[string, () => Promise<string[]>]} */ ([
        `what ${folder} publishes`,
        module('publint/src/cli.js', folder, '--strict'),
      ]),
  ),
  ['no source file over 400 lines', longFiles],
  ['the Lua code', lua],
  ['links and commands in the docs', checkDocs],
  ['a lock file that names no registry', lockFile],
]

let failed = 0
const left = [...checks]
// The types of the tests take as long as all others together.
await Promise.all([makeChecks(), makeChecks()])
console.log(failed === 0 ? `all ${checks.length} checks passed` : `${failed} of ${checks.length} checks failed`)
process.exitCode = failed === 0 ? 0 : 1

/** Takes one after the other of those that nobody has begun yet. */
async function makeChecks() {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [name, check] = next
    const startedAt = performance.now()
    const problems = await check()
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
    for (const problem of problems) console.log(problem)
    if (problems.length > 0) failed += 1
  }
}

/**
 * A check that is a program of node_modules; what it prints is the problem when it fails.
 *
 * @param {string} script
 * @param {string[]} args
 */
function module(script, ...args) {
  return async () => {
    const { exitCode, output } = await runModule(script, args, { quiet: true })
    return exitCode === 0 ? [] : [output.trimEnd() || `exit code ${exitCode}`]
  }
}

async function lua() {
  const { findServer, installCommand } = await import('@baton/testkit')
  const luacheck = findServer('luacheck')
  // Named as a problem: a check that was not made has not passed.
  if (luacheck === null) return [`luacheck is not installed: ${installCommand('luacheck')}`]
  const { exitCode, output } = await run(
    luacheck,
    ['--no-color', '--config', 'packages/drivers/lua/.luacheckrc', 'packages/drivers/lua'],
    {
      quiet: true,
    },
  )
  return exitCode === 0 ? [] : [output.trimEnd()]
}

function publicPackages() {
  const folders = readdirSync(join(repository, 'packages')).map((name) => `packages/${name}`)
  return folders.filter((folder) => !JSON.parse(read(`${folder}/package.json`)).private)
}

function longFiles() {
  const sources = ['packages', 'demo', 'bench', 'scripts'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => /\.m?[jt]s$/.test(file) && !/\/(node_modules|dist|test)\//.test(file)),
  )
  return sources
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400)
    .map(({ file, lines }) => `${file}: ${lines} lines; split it by nouns`)
}

function lockFile() {
  const lines = read('package-lock.json').match(/"resolved": "https?:[^"]*"/g) ?? []
  return lines.map((line) => `package-lock.json: ${line}; .npmrc keeps it out: run npm install again`)
}

/** @param {string} file */
function read(file) {
  return readFileSync(join(repository, file), 'utf8')
}
