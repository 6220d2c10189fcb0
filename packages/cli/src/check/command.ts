import { access, constants, stat } from 'node:fs/promises'
import { basename, delimiter, join, resolve } from 'node:path'
import type { AppConfig, Config } from '@baton/core'
import type { Check, CheckContext, Checks } from './check.ts'
import { notChecked, ok, problem, type Verdict } from './verdict.ts'

interface Command {
  readonly verb: string
  readonly argv: readonly string[]
  /** Where it runs; null where that is a folder yet to be unpacked. */
  readonly cwd: string | null
  readonly path: string
}

export const commandChecks: Checks = (config, context) => {
  const checks = new Map<string, { command: Command; nodes: string[] }>()
  for (const { id, app } of config.nodes) {
    for (const command of commandsOf(app, config, context)) {
      const key = JSON.stringify(command)
      const same = checks.get(key) ?? { command, nodes: [] }
      checks.set(key, { command, nodes: [...same.nodes, id] })
    }
  }
  return [...checks.values()].map(
    ({ command, nodes }): Check => ({
      id: 'command',
      subject: `${nodes.length === config.nodes.length ? 'app' : nodes.join(', ')}.${command.verb}`,
      run: () => judge(command),
    }),
  )
}

function commandsOf(app: AppConfig, config: Config, { dir }: CheckContext): Command[] {
  const path = app.env.PATH ?? process.env.PATH ?? ''
  if (app.driver === 'process') {
    const { source } = config.release
    return [{ verb: 'command', argv: app.command, cwd: source === null ? null : resolve(dir, source), path }]
  }
  if (app.driver === 'tomcat') return []
  const { activate, stop, start, release } = app
  return Object.entries({ activate, stop, start, release }).flatMap(([verb, argv]) =>
    argv === null ? [] : [{ verb, argv, cwd: dir, path }],
  )
}

async function judge({ argv, cwd, path }: Command): Promise<Verdict> {
  const [program = '', ...args] = argv
  if (/\{\w+\}/.test(program)) return notChecked(`${program} differs from node to node`, 'look that it is there')
  const folder = cwd !== null && (await isFolder(cwd)) ? cwd : null
  if (program.includes('/') && !program.startsWith('/') && folder === null) return inRelease(program)
  const candidates = program.includes('/')
    ? [resolve(folder ?? '/', program)]
    : path.split(delimiter).flatMap((each) => (each === '' ? [] : [join(each, program)]))
  const found = await firstOf(candidates, isExecutable)
  if (!found) {
    if (await firstOf(candidates, isFile)) return problem(`${program} may not be executed`, `chmod +x ${program}`)
    if (program.includes('/'))
      return problem(`there is no ${program} in ${folder ?? '/'}`, 'build it, or correct the path')
    return problem(`command not found: ${program}`, `install ${program}, or write its full path`)
  }
  return /^node(js)?$/.test(basename(program)) ? judgeScript(scriptOf(args), { folder, found }) : ok(`runs ${found}`)
}

async function judgeScript(script: string | undefined, { folder, found }: { folder: string | null; found: string }) {
  if (script === undefined) return ok(`runs ${found}`)
  if (folder === null && !script.startsWith('/')) return inRelease(script)
  const file = resolve(folder ?? '/', script)
  const candidates = ['', '.js', '.cjs', '.mjs', '.json', '.node', '/index.js', '/package.json'].map(
    (end) => file + end,
  )
  if (await firstOf(candidates, isFile)) return ok(`runs ${found} with ${script}`)
  return problem(`there is no ${script} in ${folder ?? '/'}`, 'build the app first, or correct the command')
}

function inRelease(what: string): Verdict {
  return notChecked(`${what} is looked for in the release, which is no folder here`, 'look that the release holds it')
}

const takesValue =
  /^(-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--env-file|--max-old-space-size)$/

/** The script among the arguments of Node.js; undefined where the program stands on the command line or comes from elsewhere. */
function scriptOf(args: readonly string[]): string | undefined {
  for (let index = 0; index < args.length; index++) {
    const each = args[index]!
    if (/^(-e|--eval|-p|--print|--run|-)$/.test(each)) return undefined
    if (each === '--') return args[index + 1]
    if (!each.startsWith('-')) return each
    if (takesValue.test(each)) index += 1
  }
  return undefined
}

async function firstOf(
  paths: readonly string[],
  holds: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const path of paths) if (await holds(path)) return path
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  if (!(await isFile(path))) return false
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
