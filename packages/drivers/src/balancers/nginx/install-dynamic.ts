import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from '@baton/core'
import { type DynamicNode, isOutdatedFile, renderDynamic } from './dynamic/render.ts'
import { headerOf } from './generation.ts'
import { installNginx, type NginxInstallation } from './install.ts'

export interface NginxDynamicInstallOptions {
  /** Of baton.yaml: the upstream's name, and in that of the file. */
  readonly name: string
  /** How nginx is run, as argv. */
  readonly command: readonly string[]
  /** Absolute path of the folder that `baton-<name>.conf` and what it needs are written to. */
  readonly include: string
  /** Absolute path of the folder of the socket and the state, which nginx's workers write in. */
  readonly stateDir: string
  /** Where a server of its own listens; null where the user has one. */
  readonly listen: Address | null
  readonly nodes: readonly DynamicNode[]
  /** For nginx to run with a new file. Default 10 s. */
  readonly deadlineMs?: number
}

/** Installs the Lua balancer: the last reload that it takes. Fails as `installNginx` does, and with `address-not-ip`. */
export async function installNginxDynamic(
  options: NginxDynamicInstallOptions,
  signal: AbortSignal,
): Promise<NginxInstallation> {
  const luaDir = luaDirOf(options)
  const installed = await installNginx(
    { ...options, workersWrite: true, render: (token) => renderDynamic({ ...options, luaDir, token }) },
    signal,
  )
  const current = { name: options.name, token: installed.generation }
  for (const file of await readdir(luaDir)) {
    if (isOutdatedFile(file, current)) await rm(join(luaDir, file), { force: true })
  }
  return installed
}

/** What an install would write into its file, but for its generation. Writes nothing and needs no nginx. */
export function renderNginxDynamic(options: NginxDynamicInstallOptions): string {
  const { conf } = renderDynamic({ ...options, luaDir: luaDirOf(options), token: '0' })
  return headerOf(options.name, '0') + conf
}

/** Beside the configuration: its owner alone writes there, and the workers may read it. */
function luaDirOf({ include }: Pick<NginxDynamicInstallOptions, 'include'>): string {
  return join(include, 'baton')
}
