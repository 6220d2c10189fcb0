import { join, posix } from 'node:path'
import { isFile } from './files.ts'
import type { PackageJson } from './package-json.ts'

export interface Start {
  /** A directory, relative to the folder of the app. */
  readonly source: string
  /** As it may stand in baton.yaml. */
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  /** For people, a line each. */
  readonly recognised: readonly string[]
}

/** Where builds are put by custom. */
const buildFolders = ['build', 'dist']
const entryFiles = ['server.js', 'index.js', 'app.js', 'main.js', 'server.mjs', 'index.mjs']

/** How the app is started, and from where: the command has to run inside the release. */
export async function findStart(dir: string, pkg: PackageJson | undefined): Promise<Start> {
  const script = pkg?.scripts.start
  if (script !== undefined) return startOfScript(dir, script)
  const entries = [...(pkg?.main === undefined ? [] : [pkg.main]), ...entryFiles]
  for (const entry of [
    ...entries,
    ...buildFolders.flatMap((folder) => entryFiles.map((each) => `${folder}/${each}`)),
  ]) {
    if (!(await isFile(join(dir, entry)))) continue
    const start = await startOfFile(dir, entry)
    return { ...start, env: {}, recognised: [`${entry}: ${start.command}, in ${start.source}`] }
  }
  return {
    source: '.',
    command: 'node server.js',
    env: {},
    recognised: ['no way to start the app was found: write it as app.command'],
  }
}

async function startOfScript(dir: string, script: string): Promise<Start> {
  const { env, words } = splitScript(script)
  const [program = '', ...args] = words
  const preloads = /^(-r|--require|--import|--loader)$/
  const at = args.findIndex((each, index) => /\.[cm]?[jt]s$/.test(each) && !preloads.test(args[index - 1] ?? ''))
  if (program === 'node' && at >= 0) {
    const { source, command } = await startOfFile(dir, args[at]!)
    const own = command.slice('node '.length)
    const whole = ['node', ...args.slice(0, at), own, ...args.slice(at + 1)].join(' ')
    return { source, command: whole, env, recognised: [`the start script: ${whole}, in ${source}`] }
  }
  if (program !== '' && (await isFile(join(dir, 'node_modules', '.bin', program)))) {
    const command = [`./node_modules/.bin/${program}`, ...args].join(' ')
    return { source: '.', command, env, recognised: [`the start script: ${command}`] }
  }
  const advice =
    'the start script: npm start (better the program itself: npm and its shell stand between it and SIGTERM)'
  return { source: '.', command: 'npm start', env: {}, recognised: [advice] }
}

/** A file in a build folder is started inside it; one outside of any, from the folder of the app. */
async function startOfFile(dir: string, file: string): Promise<Pick<Start, 'source' | 'command'>> {
  const path = posix.normalize(file)
  for (const folder of buildFolders) {
    if (path.startsWith(`${folder}/`))
      return { source: `./${folder}`, command: `node ${path.slice(folder.length + 1)}` }
    if (await isFile(join(dir, folder, path))) return { source: `./${folder}`, command: `node ${path}` }
  }
  return { source: '.', command: `node ${path}` }
}

/** The words of a script that needs no shell, and the variables before them; no words where it needs one. */
function splitScript(script: string): { env: Record<string, string>; words: string[] } {
  if (!/^[\w@%+=:,./ -]+$/.test(script)) return { env: {}, words: [] }
  const words = script.split(' ').filter((word) => word !== '' && word !== 'cross-env')
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word))
  const assigned = words.slice(0, Math.max(first, 0)).map((word) => {
    const at = word.indexOf('=')
    return [word.slice(0, at), word.slice(at + 1)] as const
  })
  // Those that Baton sets itself may not be set in baton.yaml.
  const env = Object.fromEntries(assigned.filter(([name]) => !/^(HOST|PORT|BATON_.*)$/.test(name)))
  return { env, words: words.slice(Math.max(first, 0)) }
}
