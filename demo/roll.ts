import type { BatonEvent } from '@baton/core'
import type { Cli } from '@baton/testkit'

/** A running `baton deploy --json`, as its events tell it. */
export interface Roll {
  readonly release: string | null
  /** Of each node: the last thing that was said of it. */
  readonly nodes: Readonly<Record<string, string>>
  readonly outcome: string | null
  readonly durationMs: number | null
}

const words: Partial<Record<BatonEvent['type'], string>> = {
  'node.staging': 'receives the new release',
  'node.staged': 'has the new release staged',
  'node.draining': 'drains: gets no new request',
  'node.drained': 'drained: nothing in flight',
  'node.stopping': 'stops',
  'node.activating': 'switches to the new release',
  'node.starting': 'starts',
  'node.checking': 'is checked',
  'node.healthy': 'is healthy',
  'node.joined': 'serves the new release',
  'node.baking': 'serves the new release, watched',
  'node.baked': 'serves the new release, done',
  'node.failed': 'failed',
}

/** The events so far; a last line that is still being written is left for the next time. */
export function readEvents(deploy: Cli): readonly BatonEvent[] {
  const lines = deploy.stdout().split('\n').slice(0, -1)
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as BatonEvent)
}

export function followRoll(events: readonly BatonEvent[]): Roll {
  const nodes: Record<string, string> = {}
  let roll: Roll = { release: null, nodes, outcome: null, durationMs: null }
  for (const event of events) {
    const word = words[event.type]
    if ('node' in event && word !== undefined) nodes[event.node] = word
    if (event.type === 'deploy.started') roll = { ...roll, release: event.release }
    if (event.type === 'deploy.finished') roll = { ...roll, outcome: event.outcome, durationMs: event.durationMs }
  }
  return roll
}
