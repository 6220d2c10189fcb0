import { runCli, startHaproxy, startNginx } from '@baton/testkit'

/** What stands in front of the nodes of a rig. */
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
  /** The rig's folder, with baton.yaml in it once `write` has been called. */
  readonly folder: string
  /** Where clients connect. */
  readonly port: number
  /** Writes baton.yaml with this section. */
  readonly write: (balancer: string) => Promise<void>
  /** Of nginx. Default 2. */
  readonly workers?: number
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

async function openNginx({ folder, port, write, workers = 2 }: FrontOptions): Promise<Front> {
  const nginx = await startNginx({ workers })
  try {
    const { command, include } = nginx
    await write(JSON.stringify({ driver: 'nginx', command, include, listen: `127.0.0.1:${port}` }))
    await baton(folder, 'balancer', 'install')
  } catch (error) {
    await nginx.close()
    throw error
  }
  return nginx
}

async function openHaproxy({ folder, port, write }: FrontOptions): Promise<Front> {
  const haproxy = await startHaproxy({
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
