import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { type BalancerConfig, BatonError } from '@baton/core'
import { planTomcatInstall, planTomcatUninstall, type TomcatChange } from '@baton/drivers'
import { exitCodes } from '../exit-code.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { openWorkspace, type Workspace } from '../workspace.ts'

export interface TomcatFlags extends CommonOptions {
  /** CATALINA_HOME; null where it has to be found. */
  readonly home: string | null
  readonly yes: boolean
  readonly dryRun: boolean
}

export interface TomcatInstallFlags extends TomcatFlags {
  readonly store: string | null
  readonly namespace: string | null
}

/** `baton tomcat install DIR`: sessions into an existing Tomcat. */
export async function install(dir: string, flags: TomcatInstallFlags, terminal: Terminal): Promise<number> {
  const workspace = await openWorkspaceIfAny(flags.config)
  const sessions = workspace?.config.sessions
  const change = await planTomcatInstall({
    ...placeOf(dir, flags, workspace),
    // A Tomcat has no part in a store that lives in files of Node.js.
    store: flags.store ?? (sessions === undefined || sessions.store === 'embedded' ? undefined : sessions.store),
    namespace: flags.namespace ?? sessions?.namespace,
  })
  const next = 'it takes effect when this Tomcat is started anew: the next `baton deploy` does that, node by node'
  return carryOut(change, flags, terminal, { done: 'installed', next })
}

/** `baton tomcat uninstall DIR`: takes it out again. */
export async function uninstall(dir: string, flags: TomcatFlags, terminal: Terminal): Promise<number> {
  const change = await planTomcatUninstall(placeOf(dir, flags, await openWorkspaceIfAny(flags.config)))
  const next = 'it takes effect when this Tomcat is started anew: from then on it keeps sessions to itself'
  return carryOut(change, flags, terminal, { done: 'uninstalled', next })
}

interface Words {
  readonly done: 'installed' | 'uninstalled'
  readonly next: string
}

async function carryOut(change: TomcatChange, flags: TomcatFlags, terminal: Terminal, words: Words): Promise<number> {
  const { apply, isNeeded, ...shown } = change
  const tell = (outcome: string) => {
    if (flags.json) terminal.out(JSON.stringify({ outcome, ...shown }))
  }
  if (!flags.json) for (const line of linesOf(change)) terminal.out(line)
  if (!flags.json) for (const warning of change.warnings) terminal.err(`warning: ${warning}`)
  if (!isNeeded) {
    tell('unchanged')
    if (!flags.json) terminal.out('nothing to do: everything is as wanted already')
    return exitCodes.done
  }
  if (flags.dryRun) {
    tell('planned')
    if (!flags.json) terminal.out('nothing was changed: --dry-run')
    return exitCodes.done
  }
  if (!flags.yes && !(await agrees(flags, terminal))) {
    terminal.err('nothing was changed')
    return exitCodes.failed
  }
  await apply()
  tell(words.done)
  if (!flags.json) terminal.out(`${words.done}; ${words.next}`)
  return exitCodes.done
}

function linesOf({ added, removed, diff }: TomcatChange): string[] {
  return [
    ...(diff === '' ? [] : diff.split('\n')),
    ...added.map((path) => `add    ${path}`),
    ...removed.map((path) => `remove ${path}`),
  ]
}

/** Fails with `usage` where nobody can be asked. */
async function agrees({ json }: TomcatFlags, terminal: Terminal): Promise<boolean> {
  if (json || !terminal.isTty || process.stdin.isTTY !== true) {
    throw new BatonError('usage', 'nothing was changed: there is no terminal to ask on', {
      hint: 'run it with --yes to make this change, or with --dry-run to look only',
    })
  }
  const questions = createInterface({ input: process.stdin, output: process.stderr })
  try {
    // Ctrl-D and Ctrl-C are no answer.
    const closed = new Promise<string>((resolve) => questions.once('close', () => resolve('')))
    const answer = await Promise.race([questions.question('Make this change? [y/N] '), closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    questions.close()
  }
}

/** A Tomcat may be prepared before there is a baton.yaml; one that is named has to be there. */
async function openWorkspaceIfAny(configFile: string): Promise<Workspace | null> {
  const isThere = await access(configFile).then(
    () => true,
    () => false,
  )
  return isThere || configFile !== 'baton.yaml' ? openWorkspace(configFile) : null
}

function placeOf(dir: string, { home }: TomcatFlags, workspace: Workspace | null) {
  return { dir, home, env: process.env, idleMs: idleMsOf(workspace?.config.balancer) }
}

/** How long the balancer keeps an idle connection to a node: what Baton writes, or else nginx's own default. */
function idleMsOf(balancer: BalancerConfig | undefined): number {
  switch (balancer?.driver) {
    case 'embedded':
    case 'nginx':
      return 4_000
    case 'haproxy':
      // pool-purge-delay is 5 s, and each time half of the idle ones go.
      return 10_000
    case undefined:
      return 60_000
  }
}
