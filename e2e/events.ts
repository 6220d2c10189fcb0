import type { BatonEvent } from '@baton/core'

/** What a verb that rolls printed with --json. Fails where anything else stands there. */
export function parseEvents(stdout: string): BatonEvent[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as BatonEvent)
}

/** The one event of this type, of this node where one is meant. Fails where there are more, or none. */
export function eventOf<T extends BatonEvent['type']>(
  events: readonly BatonEvent[],
  type: T,
  node?: string,
): Extract<BatonEvent, { type: T }> {
  const found = events.filter((event) => event.type === type && (node === undefined || idOf(event) === node))
  if (found.length === 1) return found[0] as Extract<BatonEvent, { type: T }>
  throw new Error(`${found.length} events ${type} ${node ?? ''} in:\n${events.map(({ type }) => type).join('\n')}`)
}

/** Since the epoch, in ms. */
export function timeOf(event: BatonEvent): number {
  return Date.parse(event.at)
}

function idOf(event: BatonEvent): string | undefined {
  return 'node' in event ? event.node : undefined
}
