import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Cli, repository, spawnCli } from '@baton/testkit'
import type { Rig } from '../rig.ts'
import { lightSource } from './light-rig.ts'

/** When a `baton` that rolls gets a signal, and does nothing more before. */
export interface Cut {
  /** An entry of its journal is on disk (its number, or for example `node.stopping web-1`), or it is `reading journals`. */
  readonly after: number | string
  readonly signal: 'SIGKILL' | 'SIGSTOP'
}

export function startCutDeploy(site: Rig, { release, ...cut }: Cut & { readonly release: string }): Cli {
  return startCut(site, ['deploy', lightSource, '--release', release], cut)
}

/** Runs `baton ...args` until then. */
export function startCut(site: Rig, args: readonly string[], { after, signal }: Cut): Cli {
  const preload = pathToFileURL(join(repository, 'e2e/crashes/signal-at-moment.mjs'))
  return spawnCli(args, {
    cwd: site.folder,
    env: { NODE_OPTIONS: `--import=${preload}`, SIGNAL: signal, SIGNAL_AFTER: String(after) },
  })
}
