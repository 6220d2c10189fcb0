import type { Config, NodeConfig } from '@baton/core'
import type { Check, CheckContext } from './check.ts'
import { notChecked, type Verdict } from './verdict.ts'

/**
 * A check of each node that runs. Those that something else starts are asked in any case; at the address of one of ours
 * that does not run, another program may answer.
 */
export function onRunningNodes(
  id: string,
  config: Config,
  { running }: CheckContext,
  run: (node: NodeConfig, signal: AbortSignal) => Promise<Verdict>,
): Check[] {
  const runs = config.nodes.filter((node) => node.app.driver === 'command' || running.nodes.includes(node.id))
  const stopped = config.nodes.filter((node) => !runs.includes(node))
  const checks = runs.map((node) => ({ id, subject: node.id, run: (signal: AbortSignal) => run(node, signal) }))
  if (stopped.length === 0) return checks
  const subject = stopped.map((node) => node.id).join(', ')
  const verdict = notChecked('not running', 'start the nodes with baton up, then check again')
  return [...checks, { id, subject, run: async () => verdict }]
}
