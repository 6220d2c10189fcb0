import { BatonError, type BatonEvent, type DeployState, isOut, progressOf, replay } from '@baton/core'
import { underLock } from '../deploy/lock.ts'
import { openDeploy, runRoll } from '../deploy/run-roll.ts'
import { exitCodeFor } from '../exit-code.ts'
import type { RollFlags } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { openWiring } from '../wiring.ts'

/** `baton resume`: goes on with the deploy that was cut off, interrupted or halted. */
export function resume(flags: RollFlags, terminal: Terminal): Promise<number> {
  return goOn('resume', flags, terminal)
}

/** `baton abort`: puts everything back as it was before that deploy. */
export function abort(flags: RollFlags, terminal: Terminal): Promise<number> {
  return goOn('abort', flags, terminal)
}

async function goOn(verb: 'resume' | 'abort', flags: RollFlags, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  return underLock({ wiring, purpose: verb, waitMs: flags.wait, terminal }, async (lease) => {
    const open = await openDeploy(wiring)
    if (open === null) {
      throw new BatonError('nothing-open', `there is no deploy to ${verb}`, {
        hint: '`baton history` shows how the last ones ended',
      })
    }
    assertPossible(open.events, flags.only, verb)
    const outcome = await runRoll({
      wiring,
      lease,
      deploy: open.deploy,
      first: { type: verb === 'resume' ? 'deploy.resumed' : 'deploy.aborting', only: flags.only },
      timeoutMs: flags.timeout,
      json: flags.json,
      terminal,
    })
    return exitCodeFor(outcome, verb === 'abort' ? 'abort' : 'roll')
  })
}

/** With --only no node may be left behind half way. */
function assertPossible(events: readonly BatonEvent[], only: readonly string[] | null, verb: string): void {
  if (only === null) return
  const state: DeployState = replay(events)!
  const unknown = only.filter((id) => !state.index.has(id))
  if (unknown.length > 0) {
    throw new BatonError('unknown-node', `the deploy is not about ${unknown.join(', ')}`, {
      hint: `its nodes are ${state.plan.nodes.map((node) => node.id).join(', ')}`,
    })
  }
  const halfWay = state.plan.nodes.filter(({ id }) => {
    const node = progressOf(state, id)
    return !only.includes(id) && (isOut(node) || (node.phase === 'failed' && node.touched !== 'no'))
  })
  if (halfWay.length === 0) return
  const ids = halfWay.map((node) => node.id)
  throw new BatonError('usage', `${ids.join(', ')} would be left half way`, {
    hint: `name ${ids.join(', ')} as well: baton ${verb} --only ${[...only, ...ids].join(',')}`,
  })
}
