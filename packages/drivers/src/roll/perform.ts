import type { Effect, EventBody } from '@baton/core'
import { bake } from './bake.ts'
import { check } from './check.ts'
import { bounded, type EffectContext } from './context.ts'
import { drain } from './drain.ts'
import { join } from './join.ts'
import { ramp } from './ramp.ts'
import { survey } from './survey.ts'

/** Files may be large and apps slow to end: the drivers' own limits are below these. */
const stageDeadlineMs = 600_000
const processDeadlineMs = 180_000

/** Does one effect and resolves to what came of it; fails with the error that becomes `node.failed`. */
export async function perform(effect: Effect, context: EffectContext): Promise<EventBody> {
  if (effect.type === 'survey') return survey(context, effect.nodes)
  const { node } = context.node(effect.node)
  const { plan } = context.state()
  switch (effect.type) {
    case 'stage':
      await bounded(context, (call) => node.stage(plan.release, call), stageDeadlineMs)
      return { type: 'node.staged', node: effect.node }
    case 'drain':
      return drain(context, effect.node)
    case 'stop':
      await bounded(context, (call) => node.stop(call), processDeadlineMs)
      return { type: 'node.stopped', node: effect.node }
    case 'activate':
      await bounded(context, (call) => node.activate(effect.release, call), processDeadlineMs)
      return { type: 'node.activated', node: effect.node, release: effect.release }
    case 'start':
      await bounded(context, (call) => node.start(call), processDeadlineMs)
      return { type: 'node.started', node: effect.node }
    case 'check':
      return check(context, effect.node, effect.release)
    case 'join':
      return join(context, effect.node)
    case 'ramp':
      return ramp(context, effect)
    case 'bake':
      return bake(context, effect.node)
    case 'prune':
      await bounded(context, (call) => node.prune(plan.keep, call), stageDeadlineMs)
      return { type: 'node.pruned', node: effect.node }
  }
}
