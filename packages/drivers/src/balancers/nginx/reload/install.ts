import type { Address } from '@baton/core'
import { valuesOf } from '../dump.ts'
import { headerOf } from '../generation.ts'
import { installNginx, type NginxInstallation, targetOf } from '../install.ts'
import { isAtLeast, type NginxPlace } from '../process.ts'
import { renderReloadFile } from './render.ts'
import { type ConfiguredNode, createStateFile, mergeNodes } from './state.ts'

export interface NginxReloadOptions {
  /** Of baton.yaml: the upstream's name, and in that of the file. */
  readonly name: string
  /** How nginx is run, as argv. */
  readonly command: readonly string[]
  /** Absolute path of the folder that `baton-<name>.conf` is written to. */
  readonly include: string
  /** Absolute path of the folder of the socket and the state. */
  readonly stateDir: string
  /** Where a server of its own listens; null where the user has one. */
  readonly listen: Address | null
  /** For nginx to run with a new file. Default 10 s. */
  readonly deadlineMs?: number
}

export interface NginxReloadInstallOptions extends NginxReloadOptions {
  readonly nodes: readonly ConfiguredNode[]
}

/** Installs the upstream file; nodes that are out stay out. Fails as `installNginx` does. */
export async function installNginxReload(
  options: NginxReloadInstallOptions,
  signal: AbortSignal,
): Promise<NginxInstallation> {
  const { name, stateDir, listen, nodes: configured } = options
  const { file } = await targetOf(options)
  const states = createStateFile(stateDir)
  return states.alone(signal, async () => {
    const last = await states.read()
    const nodes = mergeNodes(configured, last)
    let hasMinTimeout = false
    const installed = await installNginx(
      {
        ...options,
        workersWrite: false,
        render(generation, place) {
          hasMinTimeout = canSetMinTimeout(place, file.path)
          return { conf: renderReloadFile({ name, generation, stateDir, listen, nodes, hasMinTimeout }) }
        },
      },
      signal,
    )
    await states.write({ token: last?.token ?? 0, hasMinTimeout, nodes })
    return installed
  })
}

/** What an install would write, but for its generation. Writes nothing and needs no nginx. */
export async function renderNginxReload(options: NginxReloadInstallOptions): Promise<string> {
  const { name, stateDir, listen, nodes } = options
  const state = await createStateFile(stateDir).read()
  const generation = '0'
  const hasMinTimeout = state?.hasMinTimeout ?? false
  const text = renderReloadFile({
    name,
    generation,
    stateDir,
    listen,
    nodes: mergeNodes(nodes, state),
    hasMinTimeout,
  })
  return headerOf(name, generation) + text
}

/** `keepalive_min_timeout` may stand only once in the http block, and nginx knows it since 1.27.4. */
function canSetMinTimeout({ build, dump }: NginxPlace, ownPath: string): boolean {
  return (
    isAtLeast(build, '1.27.4') && valuesOf(dump, 'keepalive_min_timeout', ({ path }) => path !== ownPath).length === 0
  )
}
