import {
  BatonError,
  type BatonEvent,
  type DeploySummary,
  type EventBody,
  isOpen,
  type LockLease,
  type Outcome,
  summarise,
} from '@baton/core'
import { roll } from '@baton/drivers'
import { createRedaction } from '../redaction.ts'
import type { Terminal } from '../terminal.ts'
import { createView } from '../view/create.ts'
import type { Wiring } from '../wiring.ts'
import { listenForInterrupt } from './interrupt.ts'

export interface RunRollOptions {
  readonly wiring: Wiring
  readonly lease: LockLease
  readonly deploy: string
  readonly first: EventBody
  readonly timeoutMs: number | null
  readonly json: boolean
  readonly terminal: Terminal
}

/** Rolls with a view, an open journal and Ctrl-C understood. Resolves to the outcome; null when it was interrupted. */
export async function runRoll(options: RunRollOptions): Promise<Outcome | null> {
  const { wiring, lease, deploy } = options
  await wiring.fence({ signal: AbortSignal.timeout(fenceDeadlineMs), token: lease.token })
  const view = await createView({ json: options.json, terminal: options.terminal, inflight: inflightOf(wiring) })
  const interrupt = listenForInterrupt(options.terminal)
  const journal = await wiring.journals.open(deploy, lease.token)
  try {
    const state = await roll({
      deploy,
      journal,
      // Read only now: opening has shut out whoever wrote to it before.
      past: await wiring.journals.read(deploy),
      first: options.first,
      balancer: wiring.balancer,
      nodes: wiring.nodes,
      clock: wiring.clock,
      health: wiring.config.health,
      lease,
      interrupt: interrupt.signal,
      timeoutMs: options.timeoutMs,
      redact: createRedaction(wiring.config),
      onEvent: (event, state) => view.onEvent(event, state),
    })
    return state.outcome
  } finally {
    view.close()
    interrupt.stop()
    await journal.close()
  }
}

const fenceDeadlineMs = 10_000

function inflightOf(wiring: Wiring) {
  return async () => {
    const view = await wiring.balancer.inspect({ signal: AbortSignal.timeout(1_000) })
    return new Map(view.nodes.map((node) => [node.id, node.inflight]))
  }
}

/** The newest deploy that has not come to a clean end; null where all have. */
export async function openDeploy(wiring: Wiring): Promise<OpenDeploy | null> {
  const deploy = (await wiring.journals.list()).at(-1)
  if (deploy === undefined) return null
  const events = await wiring.journals.read(deploy)
  // undefined for a journal without a whole first line: nothing had begun.
  const summary = summarise(events)
  return summary !== undefined && isOpen(summary) ? { deploy, events, summary } : null
}

interface OpenDeploy {
  readonly deploy: string
  readonly events: readonly BatonEvent[]
  readonly summary: DeploySummary
}

/** A deploy may only begin where the one before has come to an end. */
export async function assertNoOpenDeploy(wiring: Wiring): Promise<void> {
  const open = await openDeploy(wiring)
  if (open === null) return
  throw new BatonError('deploy-open', `deploy ${open.deploy} has not come to an end`, {
    hint: '`baton resume` goes on with it, `baton abort` puts everything back as it was, `baton status` shows it',
  })
}
