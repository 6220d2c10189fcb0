import { BatonError, type BatonEvent, type DeploySummary, summarise } from '@baton/core'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { linesOf } from '../view/lines.ts'
import { planLines } from '../view/plan.ts'
import { table } from '../view/table.ts'
import { openWiring } from '../wiring.ts'

/** `baton history`: past deploys, the newest first. With --json one summary per line. */
export async function history(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const { journals } = await openWiring(flags.config)
  const summaries: DeploySummary[] = []
  for (const id of [...(await journals.list())].reverse()) {
    const summary = summarise(await journals.read(id))
    if (summary !== undefined) summaries.push(summary)
  }
  if (flags.json) for (const summary of summaries) terminal.out(JSON.stringify(summary))
  else for (const line of historyLines(summaries)) terminal.out(line)
  return 0
}

/** `baton report DEPLOY`: one deploy, whole. With --json its events, one per line. */
export async function report(deploy: string, flags: CommonOptions, terminal: Terminal): Promise<number> {
  const { journals } = await openWiring(flags.config)
  const known = await journals.list()
  if (!known.includes(deploy)) {
    throw new BatonError('unknown-deploy', `there is no deploy ${deploy}`, { hint: '`baton history` lists them' })
  }
  const events = await journals.read(deploy)
  if (flags.json) for (const event of events) terminal.out(JSON.stringify(event))
  else for (const line of reportLines(events)) terminal.out(line)
  return 0
}

function historyLines(summaries: readonly DeploySummary[]): string[] {
  if (summaries.length === 0) return ['nothing was deployed yet']
  return table([
    ['DEPLOY', 'KIND', 'RELEASE', 'FROM', 'OUTCOME', 'TIME', 'REASON'],
    ...summaries.map((each) => [
      each.deploy,
      each.kind,
      each.release,
      each.from ?? '-',
      each.outcome ?? 'open',
      `${(each.durationMs / 1_000).toFixed(1)} s`,
      each.reason ?? '',
    ]),
  ])
}

function reportLines(events: readonly BatonEvent[]): string[] {
  const started = events[0]
  if (started?.type !== 'deploy.started') return ['nothing was written down']
  return [`deploy ${started.deploy}, ${started.at}`, '', ...planLines(started.plan), '', ...events.flatMap(linesOf)]
}
