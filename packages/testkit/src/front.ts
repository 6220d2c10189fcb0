import { join } from 'node:path'
import { runCli } from './cli.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginx } from './nginx.ts'

/** What stands in front of the nodes of a site. */
export type FrontKind = 'embedded' | 'nginx' | 'haproxy'

/** A balancer as an operator sets it up: installed, and running before `baton up`. */
export interface Front {
  /** Ends its processes and forgets it. */
  close(): Promise<void>
  /** As somebody else does who knows nothing of Baton; nothing happens where `baton up` runs the balancer. */
  reload(): Promise<void>
  /** kill -9 of all of it. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Process ids of nginx's workers. */
  workers(): Promise<readonly number[]>
}

export interface FrontOptions {
  /** The site's folder, with baton.yaml in it once `write` has been called. */
  readonly folder: string
  /** Whether nginx or HAProxy has its files in a folder of this one as well, and leaves them there; else in one of its own. */
  readonly inside?: boolean
  /** Where clients connect. */
  readonly port: number
  /** Writes baton.yaml with this section, which has one line. */
  readonly write: (balancer: string) => Promise<void>
  /** Of nginx. Default 2. */
  readonly workers?: number
  /** Of nginx. Default: dynamic. */
  readonly mode?: 'dynamic' | 'reload'
}

export function openFront(kind: FrontKind, options: FrontOptions): Promise<Front> {
  switch (kind) {
    case 'embedded':
      return openEmbedded(options)
    case 'nginx':
      return openNginx(options)
    case 'haproxy':
      return openHaproxy(options)
  }
}

async function openEmbedded({ port, write }: FrontOptions): Promise<Front> {
  await write(`{ driver: embedded, listen: 127.0.0.1:${port} }`)
  const nothing = async () => {}
  return { close: nothing, reload: nothing, kill: nothing, start: nothing, workers: async () => [] }
}

async function openNginx({ folder, inside, port, write, workers = 2, mode = 'dynamic' }: FrontOptions): Promise<Front> {
  const nginx = await startNginx({ workers, ...(inside ? { folder: join(folder, 'nginx') } : {}) })
  try {
    const { command, include } = nginx
    await write(JSON.stringify({ driver: 'nginx', mode, command, include, listen: `127.0.0.1:${port}` }))
    await baton(folder, 'balancer', 'install')
  } catch (error) {
    await nginx.close()
    throw error
  }
  return nginx
}

async function openHaproxy({ folder, inside, port, write }: FrontOptions): Promise<Front> {
  const haproxy = await startHaproxy({
    ...(inside ? { folder: join(folder, 'haproxy') } : {}),
    async config({ socketPath }) {
      await write(JSON.stringify({ driver: 'haproxy', socket: socketPath, listen: `127.0.0.1:${port}` }))
      return baton(folder, 'balancer', 'config')
    },
  })
  return { ...haproxy, close: haproxy.stop, workers: async () => [await haproxy.pid()] }
}

async function baton(folder: string, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runCli(args, { cwd: folder })
  if (exitCode !== 0) throw new Error(`baton ${args.join(' ')} ended with exit code ${exitCode}:\n${stdout}${stderr}`)
  return stdout
}
