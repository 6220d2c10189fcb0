import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { freePorts, type TempDir, tempDir, waitFor } from '@baton/testkit'

/** A user's nginx: a configuration of its own, a server that passes everything to the upstream `shop`. */
export interface NginxRig {
  readonly dir: string
  /** How this nginx is run. */
  readonly command: readonly string[]
  readonly include: string
  readonly stateDir: string
  readonly port: number
  /** Everything in the http block but the include; started with one that asks for no upstream yet. */
  configure(options: { readonly http: string; readonly includes?: boolean; readonly user?: string }): Promise<void>
  start(): Promise<void>
  /** As kill -9 of all its processes does. */
  kill(): Promise<void>
  errorLog(): Promise<string>
  remove(): Promise<void>
}

/** The server block of a user whose app is the upstream `shop`. */
export function proxying(port: number): string {
  return `
    server {
      listen 127.0.0.1:${port};
      location / {
        proxy_pass http://shop;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
      }
    }`
}

export async function createNginxRig(program: string): Promise<NginxRig> {
  const folder: TempDir = await tempDir()
  const dir = folder.path
  const [port = 0] = await freePorts(1)
  const include = join(dir, 'conf.d')
  const conf = join(dir, 'nginx.conf')
  const command = [program, '-p', dir, '-c', conf]
  let child: ChildProcess | null = null
  await mkdir(include)

  async function kill(): Promise<void> {
    if (child?.pid === undefined) return
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    // Its workers are in its group.
    process.kill(-child.pid, 'SIGKILL')
    await exited
    child = null
  }

  return {
    dir,
    command,
    include,
    stateDir: join(dir, 'state'),
    port,

    async configure({ http, includes = true, user = process.geteuid?.() === 0 ? 'root' : 'nobody' }) {
      await writeFile(
        conf,
        `user ${user};
worker_processes 1; daemon off;
pid ${join(dir, 'nginx.pid')};
error_log ${join(dir, 'error.log')} notice;
events { worker_connections 512; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${join(dir, each)};`).join('\n  ')}
  ${includes ? `include ${include}/*.conf;` : ''}
  ${http}
}
`,
      )
    },

    async start() {
      const [file = '', ...args] = command
      const started = spawn(file, args, { stdio: 'ignore', detached: true })
      child = started
      await waitFor(
        async () => {
          if (started.exitCode !== null) throw new Error(await readFile(join(dir, 'error.log'), 'utf8'))
          return accepts(port)
        },
        { what: 'nginx to listen' },
      )
    },

    kill,
    errorLog: () => readFile(join(dir, 'error.log'), 'utf8'),

    async remove() {
      await kill()
      await rm(dir, { recursive: true, force: true })
      await folder.remove()
    },
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
