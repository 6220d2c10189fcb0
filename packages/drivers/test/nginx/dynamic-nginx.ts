import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePorts, type Nginx, startNginx } from '@baton/testkit'
import { createNginxDynamicBalancer } from '../../src/balancers/nginx/dynamic/dynamic-balancer.ts'
import { type DynamicNode, renderDynamic } from '../../src/balancers/nginx/dynamic/render.ts'
import { statePaths } from '../../src/balancers/nginx/paths.ts'
import type { Backend } from '../balancers/backend.ts'
import type { BalancerRig } from '../balancers/balancer-contract.ts'

export interface DynamicNginx extends BalancerRig {
  readonly nginx: Nginx
  readonly stateDir: string
  /** Writes the configuration with these nodes; nginx has to be told. */
  install(nodes: readonly DynamicNode[], token?: string): Promise<void>
}

export interface DynamicNginxOptions {
  readonly backends: readonly Pick<Backend, keyof DynamicNode>[]
  readonly workers?: number
  /** More at http level. */
  readonly http?: string
}

/** A real nginx with Baton's Lua code in front of these backends. */
export async function startDynamicNginx({ backends, workers, http }: DynamicNginxOptions): Promise<DynamicNginx> {
  const [port = 0] = await freePorts(1)
  const address = { host: '127.0.0.1', port }
  let include = ''
  let stateDir = ''

  const install = async (nodes: readonly DynamicNode[], token = 'cafe'): Promise<void> =>
    writeDynamic({ name: 'shop', token, nodes, listen: address, stateDir, include })
  const nginx = await startNginx({
    ...(workers === undefined ? {} : { workers }),
    ...(http === undefined ? {} : { http }),
    async prepare(place) {
      include = place.include
      stateDir = join(place.folder, 'state')
      await mkdir(stateDir, { mode: 0o700 })
      await install(backends)
    },
  })
  const connect = () => createNginxDynamicBalancer({ stateDir })
  const ready = async () => void (await connect().inspect({ signal: AbortSignal.timeout(15_000) }))
  await ready()
  return {
    nginx,
    stateDir,
    address,
    adminSocket: statePaths(stateDir).adminSocket,
    install,
    connect,
    kill: nginx.kill,
    start: nginx.start,
    close: nginx.close,
  }
}

export async function writeDynamic(
  options: Omit<Parameters<typeof renderDynamic>[0], 'luaDir'> & { readonly include: string },
): Promise<void> {
  const { include, name } = options
  const { conf, files } = renderDynamic({ ...options, luaDir: join(include, 'baton') })
  for (const { path, text } of [...files, { path: join(include, `baton-${name}.conf`), text: conf }]) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    await chmod(path, 0o644)
  }
}
