import { readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type NginxDump, valuesOf } from './dump.ts'
import { type DynamicOptions, isOutdatedFile, renderDynamic, sharedConfName } from './dynamic/render.ts'
import { headerOf } from './generation.ts'
import { installNginx, type NginxInstallation } from './install.ts'
import type { NginxReloadInstallOptions } from './reload/install.ts'

/** The same as for the other mode; the state folder is one that nginx's workers write in. */
export type NginxDynamicInstallOptions = NginxReloadInstallOptions

/** Installs the Lua balancer: the last reload that it takes. Fails as `installNginx` does, and with `address-not-ip`. */
export async function installNginxDynamic(
  options: NginxDynamicInstallOptions,
  signal: AbortSignal,
): Promise<NginxInstallation> {
  const luaDir = luaDirOf(options)
  const installed = await installNginx(
    {
      ...options,
      workersWrite: true,
      render: (token, { dump }) => renderDynamic({ ...renderingOf(options, token), trimIsSet: trimIsSet(dump) }),
    },
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
  const { conf } = renderDynamic(renderingOf(options, '0'))
  return headerOf(options.name, '0') + conf
}

function renderingOf(options: NginxDynamicInstallOptions, token: string): DynamicOptions {
  const nodes = options.nodes.map(({ id, address, weight }) => ({ id, ...address, weight }))
  return { ...options, nodes, luaDir: luaDirOf(options), token }
}

/** By anybody but ourselves. */
function trimIsSet(dump: NginxDump): boolean {
  return valuesOf(dump, 'lua_malloc_trim', ({ path }) => basename(path) !== sharedConfName).length > 0
}

/** Beside the configuration: its owner alone writes there, and the workers may read it. */
function luaDirOf({ include }: Pick<NginxDynamicInstallOptions, 'include'>): string {
  return join(include, 'baton')
}
