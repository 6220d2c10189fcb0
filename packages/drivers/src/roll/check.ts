import { BatonError, type NodeEventBody, type ProbeResult } from '@baton/core'
import { assertNotCrashed, bounded, type EffectContext } from './context.ts'

/** Until the app answers for the first time it is asked this often, so that a quick start is not waited for. */
const startingPollMs = 50

/** Waits until the app has answered well `rise` times in a row, and it is this release that runs and answers. */
export async function check(context: EffectContext, id: string, release: string): Promise<NodeEventBody> {
  const { intervalMs, rise, fall, deadlineMs } = context.health
  const { node, probe } = context.node(id)
  const since = context.clock.now()
  let [checks, inARow, wrongInARow, answered] = [0, 0, 0, false]
  for (;;) {
    const view = await assertNotCrashed(context, id)
    if (view.running !== null && view.running !== release)
      throw wrongRelease(id, release, { found: view.running, log: await node.logTail(20) })
    const result = await bounded(context, ({ signal }) => probe.check(signal))
    checks += 1
    const wrong = result.release !== null && result.release !== release
    answered ||= result.healthy || wrong
    inARow = result.healthy && !wrong ? inARow + 1 : 0
    wrongInARow = wrong ? wrongInARow + 1 : 0
    const waitedMs = context.clock.now() - since
    if (inARow >= rise) return { type: 'node.healthy', node: id, checks, waitedMs }
    if (wrongInARow >= fall) {
      throw wrongRelease(id, release, { found: result.release!, log: await node.logTail(20) })
    }
    if (waitedMs > deadlineMs) throw notHealthy(id, result, deadlineMs, await node.logTail(20))
    await context.clock.sleep(answered ? intervalMs : Math.min(intervalMs, startingPollMs), context.signal)
  }
}

function wrongRelease(
  id: string,
  wanted: string,
  { found, log }: { readonly found: string; readonly log: readonly string[] },
): BatonError {
  return new BatonError('wrong-release', `${id} runs release ${found}, not ${wanted}`, {
    hint: 'is an old process still listening on its port, or does the build carry a fixed release id?',
    log,
  })
}

function notHealthy(id: string, last: ProbeResult, deadlineMs: number, log: readonly string[]): BatonError {
  return new BatonError('not-healthy', `${id} was not healthy within ${deadlineMs / 1000} s: ${last.reason}`, {
    hint: 'see the last lines of its log, or raise health.deadline if it needs longer to start',
    log,
  })
}
