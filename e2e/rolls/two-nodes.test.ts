import { processesIn } from '@baton/testkit'
import { afterEach, expect, test } from 'vitest'
import { needFront } from '../balancer-view.ts'
import { openRig, type Rig } from '../rig.ts'
import { rollsOr, rollUnderTraffic } from './under-traffic.ts'

let rig: Rig | undefined
afterEach(async () => {
  await rig?.remove()
  rig = undefined
})

test('rolls in a row over two nodes: no request fails, none is lost or doubled, nobody is logged out', {
  timeout: 600_000,
}, async () => {
  rig = await openRig({ nodes: 2 })
  await rollUnderTraffic(rig, { rolls: rollsOr(6) })
})

test.for([
  { balancer: 'nginx', workers: 1 },
  { balancer: 'nginx', workers: 4 },
  { balancer: 'haproxy', workers: 1 },
] as const)(
  'rolls in a row behind $balancer ($workers workers): the same',
  { timeout: 600_000 },
  async (front, test) => {
    needFront(front.balancer, test)
    rig = await openRig({ nodes: 2, ...front })
    await rollUnderTraffic(rig, { rolls: rollsOr(3) })
  },
)

test('the rig sees the naive way: kill and restart without a drain fails requests', { timeout: 120_000 }, async () => {
  rig = await openRig({ nodes: 2 })
  const traffic = await rig.traffic()
  for (let round = 0; round < 3; round += 1) {
    for (const pid of await appPids(rig)) {
      // What a deploy script does that knows nothing of the balancer; the supervisor starts it again.
      process.kill(pid, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 700))
    }
  }
  const verdict = await traffic.stop()
  expect(verdict.failed).toBeGreaterThan(0)
})

async function appPids(site: Rig): Promise<number[]> {
  return (await processesIn(site.folder)).filter(({ cwd }) => cwd.includes('/releases/')).map(({ pid }) => pid)
}
