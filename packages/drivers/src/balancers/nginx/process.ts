import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { BatonError } from '@baton/core'
import { explainSpawnError } from '../../shells/local/spawn-error.ts'
import { type NginxDump, readDump } from './dump.ts'

/** An nginx as its user runs it: every method runs `command` with one more option (nginx(8)), without a shell. */
export interface NginxProcess {
  readonly command: readonly string[]
  /** `-T`: tests, and shows every file that was read. Fails with `nginx-config-invalid` and nginx's own words. */
  dump(options: NginxCall): Promise<NginxDump>
  /** `-V` */
  build(options: NginxCall): Promise<NginxBuild>
  /**
   * `-s reload`: asks the master to, and does not tell whether it did. Fails with `nginx-not-signalled` where the master
   * does not run or belongs to somebody else.
   */
  reload(options: NginxCall): Promise<void>
  /** The process that reads the configuration and starts the workers; null where none runs. */
  master(where: NginxPlace): Promise<number | null>
}

export interface NginxCall {
  readonly signal: AbortSignal
}

export interface NginxPlace {
  readonly dump: NginxDump
  readonly build: NginxBuild
}

/** What `nginx -V` tells. */
export interface NginxBuild {
  /** Of nginx itself, for example `1.22.1`; OpenResty and others append more numbers. */
  readonly version: string
  readonly isOpenResty: boolean
  readonly pidPath: string
  /** Whom workers run as where no `user` is configured. */
  readonly user: string
  readonly prefix: string
}

export function createNginxProcess({ command }: { readonly command: readonly string[] }): NginxProcess {
  const run = async (options: readonly string[], { signal }: NginxCall) => {
    const [program = 'nginx', ...args] = command
    return execute(program, [...args, ...options], signal)
  }

  async function tested(call: NginxCall): Promise<string> {
    const { exitCode, stdout, stderr } = await run(['-T'], call)
    if (exitCode === 0) return stdout
    const words = wordsOf(stderr)
    throw new BatonError('nginx-config-invalid', `nginx refuses its configuration: ${mainWord(words)}`, {
      hint: `see it with: ${[...command, '-t'].join(' ')}`,
      log: words,
    })
  }

  return {
    command,

    dump: async (call) => readDump(await tested(call), argumentOf(command, '-g')),

    async build(call) {
      const { stdout, stderr } = await run(['-V'], call)
      return readBuild(`${stdout}\n${stderr}`, argumentOf(command, '-p'))
    },

    async reload(call) {
      const { exitCode, stderr } = await run(['-s', 'reload'], call)
      if (exitCode === 0) return
      const words = wordsOf(stderr)
      throw new BatonError('nginx-not-signalled', `nginx could not be told to reload: ${mainWord(words)}`, {
        hint: 'run this as the user who started nginx (often root), and see that balancer.command is how it is run',
        log: words,
      })
    },

    async master({ dump, build }) {
      const path = dump.main.pid ?? build.pidPath
      return runningPid(isAbsolute(path) ? path : join(build.prefix, path))
    },
  }
}

/** Whether nginx itself is at least of this version, such as `1.27.4`. */
export function isAtLeast({ version }: Pick<NginxBuild, 'version'>, wanted: string): boolean {
  const [have, want] = [version.split('.').map(Number), wanted.split('.').map(Number)]
  for (const [index, number] of want.entries()) {
    const difference = (have[index] ?? 0) - number
    if (difference !== 0) return difference > 0
  }
  return true
}

function readBuild(text: string, givenPrefix: string | null): NginxBuild {
  const [, flavour = '', version = ''] = /version: (\w+)\/([\d.]+)/.exec(text) ?? []
  if (version === '') {
    throw new BatonError('not-nginx', `this is not nginx: its -V says ${JSON.stringify(text.trim().slice(0, 100))}`, {
      hint: 'set balancer.command to how nginx is run, such as: nginx -c /etc/nginx/nginx.conf',
    })
  }
  const option = (name: string) => new RegExp(`--${name}=('([^']*)'|(\\S+))`).exec(text)
  const given = (name: string) => option(name)?.[2] ?? option(name)?.[3]
  return {
    version,
    isOpenResty: flavour === 'openresty',
    pidPath: given('pid-path') ?? 'logs/nginx.pid',
    user: given('user') ?? 'nobody',
    prefix: givenPrefix ?? given('prefix') ?? '/usr/local/nginx',
  }
}

/** How much of -T is read: configurations with long lists in them have megabytes. */
const longestOutputBytes = 256 * 1024 * 1024
const keptLines = 20

interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

function execute(program: string, args: readonly string[], signal: AbortSignal): Promise<Outcome> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const options = { signal, maxBuffer: longestOutputBytes, env: { ...process.env, PATH: searchPath() } }
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ exitCode: 0, stdout, stderr })
      if (signal.aborted) return reject(signal.reason)
      if (typeof error.code === 'number') return resolve({ exitCode: error.code, stdout, stderr })
      explainSpawnError(error as NodeJS.ErrnoException, { program, cwd: undefined, path: searchPath() }).then(
        reject,
        reject,
      )
    })
  })
}

/** Debian keeps nginx in sbin, which is not on every user's path. */
function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin`
}

/** nginx's messages, without those that say that all is well. */
function wordsOf(stderr: string): string[] {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-keptLines)
}

/** `nginx: [emerg] unknown directive "x" in …` comes before, or after, warnings and the final "test failed". */
function mainWord(words: readonly string[]): string {
  const worst = words.find((line) => /\[(emerg|alert|crit|error)\]/.test(line)) ?? words.at(-1) ?? 'it does not say why'
  return worst.replace(/^nginx: /, '')
}

function argumentOf(command: readonly string[], option: '-g' | '-p'): string | null {
  const index = command.indexOf(option)
  if (index > 0) return command[index + 1] ?? null
  return command.find((each, position) => position > 0 && each.startsWith(option))?.slice(option.length) ?? null
}

/** A pid file outlives a killed nginx, and its number may belong to something else by now. */
async function runningPid(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const pid = Number(text.trim())
  if (!Number.isSafeInteger(pid) || pid < 1) return null
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
  }
  const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null)
  if (title === null) return process.platform === 'linux' ? null : pid
  return /nginx|openresty/.test(title + (await readlink(`/proc/${pid}/exe`).catch(() => ''))) ? pid : null
}
