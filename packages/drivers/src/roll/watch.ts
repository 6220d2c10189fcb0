import { BatonError } from '@baton/core'
import { assertNotCrashed, bounded, type EffectContext } from './context.ts'

export interface Watch {
  readonly forMs: number
  /** Looked at besides the app's own health: what is wrong, or null. */
  readonly also?: () => Promise<BatonError | null>
}

/**
 * Watches a node under real traffic. Fails with `app-crashed`, with `left-health`, or with what `also` said, once so many
 * looks in a row were bad as the health check's `fall` has it.
 */
export async function watch(context: EffectContext, id: string, { forMs, also }: Watch): Promise<void> {
  const { intervalMs, fall } = context.health
  const { node, probe } = context.node(id)
  const until = context.clock.now() + forMs
  let badInARow = 0
  while (context.clock.now() < until) {
    await context.clock.sleep(Math.min(intervalMs, Math.max(1, until - context.clock.now())), context.signal)
    await assertNotCrashed(context, id)
    const result = await bounded(context, ({ signal }) => probe.check(signal))
    const other = result.healthy ? ((await also?.()) ?? null) : null
    badInARow = result.healthy && other === null ? 0 : badInARow + 1
    if (badInARow >= fall) throw other ?? leftHealth(id, result.reason, await node.logTail(20))
  }
  await assertNotCrashed(context, id)
}

function leftHealth(id: string, reason: string, log: readonly string[]): BatonError {
  return new BatonError('left-health', `${id} was healthy and no longer is: ${reason}`, {
    hint: 'see the last lines of its log',
    log,
  })
}
