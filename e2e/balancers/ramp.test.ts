import type { BatonEvent } from '@baton/core'
import type { FrontKind, LedgerEntry } from '@baton/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { needFront } from '../balancer-view.ts'
import { watchBalancer } from '../crashes/balancer-watch.ts'
import { lightSource, openLightRig } from '../crashes/light-rig.ts'
import { parseEvents, timeOf } from '../events.ts'

test.for<FrontKind>(['embedded', 'nginx', 'haproxy'])(
  '%s: a node that joins gets its share by a ramp, and nobody notices',
  {
    timeout: 90_000,
  },
  async (balancer, context) => {
    needFront(balancer, context)
    const rig = await openLightRig({
      balancer,
      nodes: 2,
      rollout: '{ batch: 1, minAvailable: 50%, bake: 200ms, ramp: [10% for 1s, 50% for 1s, 100%] }',
    })
    onTestFinished(rig.remove)
    const weights = new Set<number>()
    const watch = watchBalancer(rig, ({ nodes }) => {
      for (const { id, state, weight } of nodes) if (id === 'web-1' && state === 'serving') weights.add(weight)
    })
    const traffic = await rig.traffic()
    const { exitCode, stdout, stderr } = await rig.run('deploy', lightSource, '--release', 'ramped', '--json')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    await watch.stop()
    const { ledger, ...verdict } = await traffic.stop()
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ clean: true, failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })

    expect([...weights].sort((a, b) => a - b)).toEqual([1, 5, 10])
    const events = parseEvents(stdout)
    const steps = events.filter((event) => event.type === 'node.ramped' && event.node === 'web-1')
    const shares = steps.slice(0, 2).map((event) => shareAt(events, event, ledger))
    console.log(`${balancer}: web-1 had ${shares.map((share) => `${(share * 100).toFixed(1)} %`).join(', then ')}`)
    // 1 of 11, 5 of 15: of 200 requests each, which retries and the edges of the second may move by a few.
    expect(shares[0]).toBeGreaterThan(0.05)
    expect(shares[0]).toBeLessThan(0.14)
    expect(shares[1]).toBeGreaterThan(0.27)
    expect(shares[1]).toBeLessThan(0.4)
  },
)

/** Of the requests in the time of a step of the ramp, how many web-1 answered. */
function shareAt(events: readonly BatonEvent[], step: BatonEvent, ledger: readonly LedgerEntry[]): number {
  const [from, to] = [timeOf(events[events.indexOf(step) - 1] ?? step), timeOf(step)]
  const then = ledger.filter(({ startedAt }) => startedAt >= from && startedAt < to)
  return then.filter(({ node }) => node === 'web-1').length / then.length
}
