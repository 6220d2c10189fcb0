import type { FrontKind } from '@baton/testkit'
import { waitFor } from '@baton/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { needFront } from '../balancer-view.ts'
import { newestJournal } from '../crashes/journal.ts'
import { lightSource, openLightRig } from '../crashes/light-rig.ts'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { slowRequestAt } from '../crashes/slow-request.ts'
import { expectFailedOnly, stateOf } from './disturbance.ts'

test.for<FrontKind>(['nginx', 'haproxy'])(
  '%s killed and started again in mid-drain: the node stays out, and the roll goes on',
  {
    timeout: 90_000,
  },
  async (balancer, context) => {
    needFront(balancer, context)
    const rig = await openLightRig({ balancer, nodes: 2 })
    onTestFinished(rig.remove)
    const traffic = await rig.traffic()
    const slow = await slowRequestAt({ url: rig.url, node: 'web-1', ms: 30_000 })
    const deploy = rig.start('deploy', lightSource, '--release', 'v2')
    await waitFor(async () => (await stateOf(rig, 'web-1')) === 'draining', { what: 'web-1 to drain' })

    const killedAt = Date.now()
    await rig.front.kill()
    // What was open in it is gone with it, and nobody connects to what does not run.
    expect(await slow.ended).toBeInstanceOf(Error)
    await rig.front.start()
    const backAt = Date.now()

    expect(await deploy.exited()).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await nodesOf(rig)).toEqual(allServing(rig, 'v2'))
    const joining = (await newestJournal(rig.folder)).find(({ type }) => type === 'node.joining')
    const joiningAt = Date.parse(joining!.at)
    expect(joiningAt).toBeGreaterThan(backAt)

    const verdict = await traffic.stop()
    const meanwhile = verdict.ledger.filter(({ startedAt }) => startedAt > killedAt && startedAt < joiningAt)
    expect(meanwhile.filter(({ status }) => status !== null).length).toBeGreaterThan(20)
    expect(meanwhile.filter(({ node }) => node === 'web-1')).toEqual([])
    console.log(
      `${balancer} away for ${backAt - killedAt} ms: ${verdict.failed} of ${verdict.requests} requests failed`,
    )
    expectFailedOnly(verdict, {
      from: killedAt - 1_000,
      to: backAt + 250,
      error: /ECONNREFUSED|ECONNRESET|socket hang up|aborted|EPIPE/,
    })
  },
)
