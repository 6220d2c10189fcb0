import type { BatonEvent } from '../engine/events.ts'

/** One plain line for people, without the time; the log lines of a failure follow in `details`. */
export interface Described {
  readonly line: string
  readonly details: readonly string[]
}

/** What an event says in words. */
export function describe(event: BatonEvent): Described {
  if (event.type === 'node.failed') {
    return { line: `${event.node} failed to ${event.step}: ${event.error.message}`, details: detailsOf(event.error) }
  }
  if (event.type === 'deploy.failed') return { line: event.error.message, details: detailsOf(event.error) }
  return { line: lineOf(event), details: [] }
}

function lineOf(event: Exclude<BatonEvent, { type: 'node.failed' | 'deploy.failed' }>): string {
  switch (event.type) {
    case 'deploy.started':
      return `${event.plan.kind} ${event.release} over ${event.from ?? 'nothing'} on ${event.nodes.join(', ')}`
    case 'deploy.surveyed':
      return `healthy weight in the balancer: ${event.available}`
    case 'deploy.waiting':
      return event.reason
    case 'deploy.rolling-back':
      return `rolling back: ${event.reason}`
    case 'deploy.halted':
      return `halted: ${event.reason}; \`baton resume\` goes on, \`baton abort\` puts everything back`
    case 'deploy.interrupted':
      return `interrupted by ${event.signal}; \`baton resume\` goes on, \`baton abort\` puts everything back`
    case 'deploy.resumed':
      return 'resumed'
    case 'deploy.aborting':
      return 'aborting: everything goes back as it was'
    case 'deploy.finished':
      return `${event.outcome} after ${seconds(event.durationMs)}`
    case 'node.drained':
      return drainedLine(event)
    case 'node.activating':
    case 'node.activated':
      return `${event.node} ${event.type.slice('node.'.length)} ${event.release}`
    case 'node.healthy':
      return `${event.node} healthy after ${event.checks} checks, ${seconds(event.waitedMs)}`
    case 'node.ramping':
    case 'node.ramped':
      return `${event.node} ${event.type.slice('node.'.length)} at ${event.percent}%, weight ${event.weight}`
    default:
      return `${event.node} ${event.type.slice('node.'.length)}`
  }
}

function drainedLine({ node, inflight, forced, waitedMs }: BatonEvent & { type: 'node.drained' }): string {
  if (!forced) return `${node} drained after ${seconds(waitedMs)}`
  const lost = inflight === null ? 'what was in flight, which nobody could count, was' : `${inflight} in flight were`
  return `${node} drained by force after ${seconds(waitedMs)}: ${lost} cut off`
}

function detailsOf(error: { readonly hint?: string; readonly log?: readonly string[] }): string[] {
  const log = (error.log ?? []).map((line) => `| ${line}`)
  return error.hint === undefined ? log : [error.hint, ...log]
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`
}
