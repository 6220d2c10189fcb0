import { beforeEach, onTestFinished, test } from 'vitest'
import { putBackBrokenWar } from './broken-war.ts'
import { needTomcatBehind, openTomcatRig } from './rig.ts'
import { isLong, rollShops, rollsOr } from './shop-rolls.ts'

// In short mixed.test.ts has a roll behind HAProxy.

const rolls = rollsOr(1)

beforeEach(needTomcatBehind('haproxy'))

test.runIf(isLong).for([2, 3])(
  `behind HAProxy, ${rolls} rolls of a WAR over %i Tomcats, and a WAR that cannot be deployed: nobody notices`,
  { timeout: 120_000 + rolls * 60_000 },
  async (nodes) => {
    const site = await openTomcatRig({ balancer: 'haproxy', nodes })
    onTestFinished(site.remove)
    await rollShops(site, { rolls })
    await putBackBrokenWar(site)
  },
)
