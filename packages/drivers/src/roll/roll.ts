import {
  announcement,
  type Balancer,
  BatonError,
  type BatonEvent,
  type Clock,
  type DeployState,
  type Effect,
  type EventBody,
  evolve,
  type Failure,
  type Journal,
  type LockLease,
  lane,
  reconcile,
  replay,
  toFailure,
} from '@baton/core'
import type { EffectContext, RollHealth, RollNode } from './context.ts'
import { perform } from './perform.ts'

export interface RollOptions {
  readonly deploy: string
  readonly journal: Journal
  /** What the journal holds already; empty for a new deploy. */
  readonly past: readonly BatonEvent[]
  /** The event this run begins with: started, resumed or aborting. */
  readonly first: EventBody
  readonly balancer: Balancer
  readonly nodes: ReadonlyMap<string, RollNode>
  readonly clock: Clock
  readonly health: RollHealth
  readonly lease: LockLease
  /** Aborts when the operator interrupts: the steps in hand end, then the roll stops and can be resumed. */
  readonly interrupt: AbortSignal
  /** Longest time for the whole roll; null for none. Past it the deploy fails, and is rolled back or halted. */
  readonly timeoutMs: number | null
  /** Takes secrets out of what the app or a driver said. */
  readonly redact: (text: string) => string
  /** Called after an event is on disk, in order. */
  readonly onEvent: (event: BatonEvent, state: DeployState) => void
}

interface Task {
  readonly effect: Effect
  readonly cancel: AbortController
}

interface Settled {
  readonly effect: Effect
  /** null: it was cut short, and nothing is to be written down. */
  readonly outcome: EventBody | null
}

/**
 * Runs a deploy to its end, or to where it was interrupted (`outcome` is null then): asks the engine what is wanted,
 * writes it down, does it, writes down what came of it. Fails with `lock-lost` as soon as somebody else holds the lock.
 */
export async function roll(options: RollOptions): Promise<DeployState> {
  const { clock, journal, lease, interrupt } = options
  let state = replay(options.past)
  const running = new Map<string, Task>()
  const mailbox = createMailbox<Settled>()
  const startedAt = clock.now()
  let timedOut = false

  const write = async (body: EventBody): Promise<void> => {
    await lease.assertHeld()
    const stamp = { seq: (state?.lastSeq ?? 0) + 1, at: new Date(clock.now()).toISOString(), deploy: options.deploy }
    const event: BatonEvent = { ...stamp, ...redacted(body, options.redact) }
    await journal.append(event)
    state = evolve(state, event)
    options.onEvent(event, state)
  }
  // An effect may note something while the roll writes: one after the other, and nothing after a write that failed.
  let written = Promise.resolve()
  const append = (body: EventBody): Promise<void> => {
    written = written.then(() => write(body))
    return written
  }

  const start = async (effect: Effect): Promise<void> => {
    const announced = announcement(effect)
    if (announced !== null) await append(announced)
    const cancel = new AbortController()
    running.set(lane(effect), { effect, cancel })
    const context: EffectContext = {
      state: () => state!,
      balancer: options.balancer,
      node: (id) => nodeOf(options.nodes, id),
      clock,
      health: options.health,
      signal: cancel.signal,
      token: lease.token,
      note: append,
    }
    void perform(effect, context).then(
      (outcome) => mailbox.put({ effect, outcome }),
      (error: unknown) => mailbox.put({ effect, outcome: cancel.signal.aborted ? null : failed(effect, error) }),
    )
  }

  const cancelAll = (): void => {
    for (const task of running.values()) task.cancel.abort()
  }
  lease.lost.addEventListener('abort', cancelAll)

  try {
    await append(options.first)
    while (state!.outcome === null) {
      if (lease.lost.aborted) throw lockLost(lease)
      const mode = interrupt.aborted ? 'interrupted' : 'go-on'
      const orders = reconcile(state!, effectsOf(running), mode)
      for (const effect of orders.cancel) running.get(lane(effect))!.cancel.abort()
      if (mode === 'interrupted' && running.size === 0) {
        await append({ type: 'deploy.interrupted', signal: String(interrupt.reason) })
        return state!
      }
      const leftMs = options.timeoutMs === null || timedOut ? null : startedAt + options.timeoutMs - clock.now()
      if (leftMs !== null && leftMs <= 0) {
        timedOut = true
        await append({ type: 'deploy.failed', error: timeoutFailure(options.timeoutMs!) })
      } else if (orders.start[0] !== undefined) {
        // One at a time: what is written down now may change what is wanted next.
        await start(orders.start[0])
      } else if (orders.record !== null) {
        await append(orders.record)
      } else {
        const settled = await mailbox.take({
          wake: mode === 'go-on' ? [interrupt, lease.lost] : [lease.lost],
          withinMs: leftMs,
        })
        if (settled === null) continue
        running.delete(lane(settled.effect))
        if (settled.outcome !== null) await append(settled.outcome)
      }
    }
    return state!
  } finally {
    lease.lost.removeEventListener('abort', cancelAll)
    cancelAll()
  }
}

function lockLost(lease: LockLease): BatonError {
  return new BatonError('lock-lost', `the lock (token ${lease.token}) was taken over by someone else`, {
    hint: 'this run changes nothing any more; `baton status` shows what goes on',
  })
}

function effectsOf(running: ReadonlyMap<string, Task>): Map<string, Effect> {
  return new Map([...running].map(([key, task]) => [key, task.effect]))
}

function nodeOf(nodes: ReadonlyMap<string, RollNode>, id: string): RollNode {
  const node = nodes.get(id)
  if (node !== undefined) return node
  throw new BatonError('node-gone', `the deploy is about ${id}, which is no longer in baton.yaml`, {
    hint: `put ${id} back into baton.yaml until the deploy has ended`,
  })
}

function failed(effect: Effect, error: unknown): EventBody {
  if (effect.type === 'survey') return { type: 'deploy.failed', error: toFailure(error) }
  return { type: 'node.failed', node: effect.node, step: effect.type, error: toFailure(error) }
}

function timeoutFailure(timeoutMs: number): Failure {
  return {
    code: 'timeout',
    message: `the deploy took longer than ${timeoutMs / 1000} s`,
    hint: 'give it more time with --timeout',
  }
}

/** App logs and error messages may quote a password. */
function redacted(body: EventBody, redact: (text: string) => string): EventBody {
  if (!('error' in body)) return 'reason' in body ? { ...body, reason: redact(body.reason) } : body
  const { error } = body
  const message = redact(error.message)
  return { ...body, error: { ...error, message, ...(error.log === undefined ? {} : { log: error.log.map(redact) }) } }
}

interface Mailbox<T> {
  put(item: T): void
  /** The next item; null when a signal fires or the time is over before there is one. */
  take(until: { readonly wake: readonly AbortSignal[]; readonly withinMs: number | null }): Promise<T | null>
}

function createMailbox<T>(): Mailbox<T> {
  const items: T[] = []
  let wakeUp = () => {}
  return {
    put(item) {
      items.push(item)
      wakeUp()
    },
    async take({ wake, withinMs }) {
      if (items.length === 0) {
        await new Promise<void>((resolve) => {
          const timer = withinMs === null ? undefined : setTimeout(() => wakeUp(), withinMs)
          wakeUp = () => {
            clearTimeout(timer)
            for (const signal of wake) signal.removeEventListener('abort', wakeUp)
            resolve()
          }
          for (const signal of wake) {
            if (signal.aborted) return wakeUp()
            signal.addEventListener('abort', wakeUp)
          }
        })
      }
      return items.shift() ?? null
    },
  }
}
