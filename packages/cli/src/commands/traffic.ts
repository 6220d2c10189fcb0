import { type BalancerView, BatonError, type LockLease } from '@baton/core'
import { underLock } from '../deploy/lock.ts'
import { assertNoOpenDeploy } from '../deploy/run-roll.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { openWiring, type Wiring } from '../wiring.ts'

export interface TrafficFlags extends CommonOptions {
  readonly force: boolean
  readonly wait: number
}

/** `baton drain NODE`: out of the balancer, and waited for until nothing is in flight. The app goes on running. */
export async function drain(id: string, flags: TrafficFlags, terminal: Terminal): Promise<number> {
  return change(id, flags, terminal, 'drain', async (wiring, lease) => {
    if (!flags.force) assertFloor(wiring, await inspect(wiring), id)
    await wiring.balancer.set(id, { admin: 'out' }, callOf(lease))
    const since = wiring.clock.now()
    const { drainTimeoutMs } = wiring.config.rollout
    for (;;) {
      // Not every balancer counts, but each has evidence before it says `drained`.
      const view = (await inspect(wiring)).nodes.find((node) => node.id === id)
      const inflight = view?.inflight ?? null
      const waitedMs = wiring.clock.now() - since
      if (view?.state === 'drained') return { node: id, state: 'drained', inflight, waitedMs }
      if (waitedMs > drainTimeoutMs) {
        throw new BatonError(
          'drain-timeout',
          `${id} gets no new requests, but ${inflight ?? 'an unknown number'} are in flight after ${drainTimeoutMs / 1_000} s`,
          {
            hint: '`baton status` shows when they have ended; `baton join` puts the node back',
          },
        )
      }
      await wiring.clock.sleep(50, new AbortController().signal)
    }
  })
}

/** `baton join NODE`: back at its weight, once it has answered well `rise` times in a row. */
export async function join(id: string, flags: TrafficFlags, terminal: Terminal): Promise<number> {
  return change(id, flags, terminal, 'join', async (wiring, lease) => {
    const { node, config } = nodeOf(wiring, id)
    if (!flags.force) await assertHealthy(wiring, id)
    await wiring.balancer.set(id, { admin: 'in', weight: config.weight }, callOf(lease))
    const view = (await inspect(wiring)).nodes.find((each) => each.id === id)
    return { node: id, state: view?.state ?? 'unknown', release: (await node.inspect(callOf(lease))).running }
  })
}

async function change(
  id: string,
  flags: TrafficFlags,
  terminal: Terminal,
  verb: string,
  work: (wiring: Wiring, lease: LockLease) => Promise<Record<string, unknown>>,
): Promise<number> {
  const wiring = await openWiring(flags.config)
  nodeOf(wiring, id)
  return underLock({ wiring, purpose: `${verb} ${id}`, waitMs: flags.wait, terminal }, async (lease) => {
    await assertNoOpenDeploy(wiring)
    await wiring.fence(callOf(lease))
    const result = await work(wiring, lease)
    terminal.out(flags.json ? JSON.stringify(result) : `${id} is ${result.state}`)
    return 0
  })
}

function nodeOf(wiring: Wiring, id: string) {
  const config = wiring.config.nodes.find((node) => node.id === id)
  const found = wiring.nodes.get(id)
  if (config !== undefined && found !== undefined) return { ...found, config }
  throw new BatonError('unknown-node', `no node is called ${id}`, {
    hint: `the nodes are ${wiring.config.nodes.map((node) => node.id).join(', ')}`,
  })
}

function assertFloor(wiring: Wiring, view: BalancerView, id: string): void {
  const serving = view.nodes.filter((node) => node.state === 'serving' && node.healthy)
  if (!serving.some((node) => node.id === id)) return
  const left = serving.filter((node) => node.id !== id).reduce((sum, node) => sum + node.weight, 0)
  const whole = wiring.config.nodes.reduce((sum, node) => sum + node.weight, 0)
  const floor = (whole * wiring.config.rollout.minAvailablePercent) / 100
  if (left >= floor) return
  throw new BatonError(
    'below-floor',
    `without ${id} only ${left} of ${whole} healthy weight would stay in, and ${floor} must`,
    {
      hint: 'bring other nodes back first, or insist with --force',
    },
  )
}

async function assertHealthy(wiring: Wiring, id: string): Promise<void> {
  const { rise, intervalMs } = wiring.config.health
  const { probe } = nodeOf(wiring, id)
  for (let check = 0; check < rise; check += 1) {
    if (check > 0) await wiring.clock.sleep(intervalMs, new AbortController().signal)
    const result = await probe.check(AbortSignal.timeout(30_000))
    if (result.healthy) continue
    throw new BatonError('not-healthy', `${id} is not healthy: ${result.reason}`, {
      hint: 'repair it first, or insist with --force',
    })
  }
}

const callDeadlineMs = 10_000

function callOf(lease: LockLease) {
  return { signal: AbortSignal.timeout(callDeadlineMs), token: lease.token }
}

function inspect(wiring: Wiring): Promise<BalancerView> {
  return wiring.balancer.inspect({ signal: AbortSignal.timeout(callDeadlineMs) })
}
