// Puts `baton` and all that it imports into a few files, packages/cli/dist/bundle: as hundreds of them, each start took
// three times as long. From the sources, so that it does not matter what tsc has built. Also vitest's global setup.
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isUpToDate, publish } from './built.mjs'
import { repository } from './run.mjs'

const packages = join(repository, 'packages')
const folder = join(packages, 'cli/dist/bundle')
/** What `baton` starts with; it loads the others. */
const entry = 'main.js'

/** What of ours is bundled; `@baton/proxy/main` and files that are no code are found by the name of their package. */
const bundled = ['core', 'drivers', 'proxy']
const alias = Object.fromEntries(bundled.map((name) => [`@baton/${name}`, join(packages, name, 'src/index.ts')]))

/** Writes the bundle if what it is made of is newer. Fails where an import is not found. */
export async function setup() {
  const madeOf = ['cli', ...bundled].map((name) => join(packages, name, 'src'))
  const tools = [fileURLToPath(import.meta.url), join(repository, 'package-lock.json')]
  if (isUpToDate([join(folder, entry)], [...madeOf, ...tools])) return
  const startedAt = new Date()
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: { main: join(packages, 'cli/src/main.ts') },
    platform: 'node',
    resolve: { alias },
    onLog(level, log) {
      if (level === 'warn') throw new Error(`the bundle of the command line: ${log.message}`)
    },
  })
  // Readable, and with stable names: a `baton` that runs may load one of them yet.
  const { output } = await build.generate({ dir: folder, format: 'esm', sourcemap: true, chunkFileNames: '[name].js' })
  await build.close()
  // The entry last: with it there, all that it loads is.
  const chunks = output.toSorted((a, b) => Number(a.fileName === entry) - Number(b.fileName === entry))
  const moduleIds = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  /** @type {Map<string, string | Uint8Array>} */
  const files = new Map([['LICENSES.txt', licenses(moduleIds)]])
  for (const file of chunks) files.set(file.fileName, file.type === 'chunk' ? file.code : file.source)
  publish(folder, files, startedAt)
}

/** Of the packages of others, which ask for it wherever they are copied to. @param {string[]} moduleIds */
function licenses(moduleIds) {
  const inPackage = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/
  const folders = new Set(moduleIds.flatMap((id) => inPackage.exec(id)?.[0] ?? []))
  return [...folders].sort().map(license).join('\n\n')
}

/** @param {string} from the folder of a package */
function license(from) {
  const { name, version, license } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  const files = readdirSync(from).filter((file) => /^licen[cs]e/i.test(file))
  return [`${name} ${version} (${license})`, ...files.map((file) => readFileSync(join(from, file), 'utf8'))].join(
    '\n\n',
  )
}

if (realpathSync(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) await setup()
