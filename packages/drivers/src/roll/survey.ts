import { admits, type DeployEventBody, progressOf, surveyOf } from '@baton/core'
import { bounded, type EffectContext } from './context.ts'

const pollMs = 250

/** Asks the balancer until the floor lets one of `nodes` go, or the deploy makes no progress for too long. */
export async function survey(context: EffectContext, nodes: readonly string[]): Promise<DeployEventBody> {
  const { progressDeadlineMs } = context.state().plan.rollout
  const since = context.clock.now()
  let told = false
  for (;;) {
    const state = context.state()
    const found = surveyOf(state, await bounded(context, (call) => context.balancer.inspect(call)), nodes)
    if (nodes.some((id) => admits(state, found, progressOf(state, id)))) return { type: 'deploy.surveyed', ...found }
    const { weight, of } = state.plan.floor
    const reason = `healthy weight is ${found.available} of ${of}, and ${weight} must stay in: waiting before ${nodes.join(', ')} can go`
    if (!told) await context.note({ type: 'deploy.waiting', reason })
    told = true
    if (context.clock.now() - since > progressDeadlineMs) {
      const hint = 'bring the other nodes back (`baton status` shows them), or lower rollout.minAvailable'
      return { type: 'deploy.failed', error: { code: 'floor-not-free', message: `${reason}, for too long`, hint } }
    }
    await context.clock.sleep(pollMs, context.signal)
  }
}
