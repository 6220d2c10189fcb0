import { needServer } from '@baton/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { lightSource, openLightRig } from '../crashes/light-rig.ts'

test('nginx in mode: reload rolls as well; what its reloads cost is printed', { timeout: 120_000 }, async (context) => {
  needServer('nginx', context)
  const rig = await openLightRig({ balancer: 'nginx', mode: 'reload', nodes: 2 })
  onTestFinished(rig.remove)
  const traffic = await rig.traffic()
  expect(await rig.run('deploy', lightSource, '--release', 'v2')).toMatchObject({ exitCode: 0, stderr: '' })
  const verdict = await traffic.stop()
  const { failed, requests, reconnects } = verdict
  console.log(`mode: reload: ${failed} of ${requests} requests failed, ${reconnects} idle connections closed`)
  // Not that none fails: that is what this mode cannot promise.
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, logouts: 0 })
  expect(verdict.ledger.filter(({ problem, status }) => problem === 'failed' && status !== null)).toEqual([])
  const { release, nodes } = await rig.status()
  expect(release).toBe('v2')
  expect(nodes.map(({ state, release: runs }) => [state, runs])).toEqual(nodes.map(() => ['serving', 'v2']))
})
