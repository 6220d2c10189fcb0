import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { killProcessesIn, processesIn } from './processes.ts'
import { findServer, installCommand } from './servers.ts'
import { keptDir, tempDir } from './temp-dir.ts'
import { waitFor } from './wait-for.ts'

export interface Nginx extends NginxPlace {
  /** How this nginx is run, as argv; `-t`, `-s reload` and so on may follow. */
  readonly command: readonly string[]
  /** Those that are finishing after a reload included. */
  workers(): Promise<readonly number[]>
  /** As `nginx -s reload`; resolves when as many new workers run. */
  reload(): Promise<void>
  /** SIGKILL for the master and all workers. */
  kill(): Promise<void>
  start(): Promise<void>
  /** SIGTERM: a fast shutdown, which cuts requests off. */
  stop(): Promise<void>
  errorLog(): Promise<string>
  /** Kills what still runs, and removes the folder if it is its own. */
  close(): Promise<void>
}

/** Where it lives. */
export interface NginxPlace {
  readonly folder: string
  /** Its *.conf are included at http level. */
  readonly include: string
}

export interface NginxOptions {
  /** Where it lives, and what is left of it when it is closed. Default: a folder of its own, removed in the end. */
  readonly folder?: string
  /** Default 1. */
  readonly workers?: number
  /** More at http level, after the include. */
  readonly http?: string
  /** Called before the first start, for what stands in `include`. */
  readonly prepare?: (place: NginxPlace) => Promise<void>
}

/** An nginx in a folder of its own, with the Lua module where it is installed. Fails with `server-missing`, or `nginx-failed` and its log. */
export async function startNginx(options: NginxOptions = {}): Promise<Nginx> {
  const { workers = 1, http = '', prepare } = options
  const program = findServer('nginx')
  if (program === null) throw new BatonError('server-missing', `nginx is not installed: ${installCommand('nginx')}`)
  const { path: folder, remove } = await (options.folder === undefined ? tempDir() : keptDir(options.folder))
  const include = join(folder, 'conf.d')
  const configFile = join(folder, 'nginx.conf')
  const logFile = join(folder, 'error.log')
  const command = [program, '-p', folder, '-c', configFile]
  let master: ChildProcess | undefined

  const errorLog = () => readFile(logFile, 'utf8').catch(() => '')
  const running = async () => (await processesIn(folder)).map(({ pid }) => pid).filter((pid) => pid !== master?.pid)

  async function start(): Promise<void> {
    const [file = '', ...args] = command
    const child = spawn(file, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    master = child
    let words = ''
    child.stderr?.on('data', (chunk: Buffer) => (words += chunk))
    const ready = async () => {
      if (child.exitCode !== null) return 'ended'
      return (await running()).length >= workers && (await exists(join(folder, 'nginx.pid'))) && 'running'
    }
    const state = await waitFor(ready, { what: `nginx with ${configFile}` })
    if (state === 'ended') throw new BatonError('nginx-failed', `nginx ended at once:\n${words}${await errorLog()}`)
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = master
    if (child === undefined) return
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    if (signal === 'SIGKILL') await killProcessesIn(folder)
    else child.kill(signal)
    await exited
    master = undefined
  }

  async function close(): Promise<void> {
    await end('SIGKILL')
    await remove()
  }

  const nginx: Nginx = {
    folder,
    include,
    command,
    workers: running,
    async reload() {
      const before = await running()
      master?.kill('SIGHUP')
      const replaced = async () => (await running()).filter((pid) => !before.includes(pid)).length >= workers
      await waitFor(replaced, { what: 'the new workers of nginx' })
    },
    kill: () => end('SIGKILL'),
    start,
    stop: () => end('SIGTERM'),
    errorLog,
    close,
  }
  try {
    await mkdir(include)
    await writeFile(configFile, configuration({ folder, include, workers, http, modules: await luaModules() }))
    await prepare?.({ folder, include })
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return nginx
}

/** Debian's, Alpine's and OpenResty's places; nothing to load where it is built in, or not installed. */
const moduleFolders = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules']

async function luaModules(): Promise<readonly string[]> {
  const wanted = ['ndk_http_module.so', 'ngx_http_lua_module.so']
  for (const folder of moduleFolders) {
    const paths = wanted.map((name) => join(folder, name))
    if ((await Promise.all(paths.map(exists))).every(Boolean)) return paths
  }
  return []
}

interface Configuration {
  readonly folder: string
  readonly include: string
  readonly workers: number
  readonly http: string
  readonly modules: readonly string[]
}

function configuration({ folder, include, workers, http, modules }: Configuration): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
${modules.map((path) => `load_module ${path};`).join('\n')}
daemon off;
${userInfo().uid === 0 ? `user ${userInfo().username};` : ''}
worker_processes ${workers};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
    access_log off;
${temporary.map((name) => `    ${name}_temp_path ${folder}/${name};`).join('\n')}
    include ${include}/*.conf;
${http}
}
`
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
