import { expect, onTestFinished, test } from 'vitest'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { openBrowser } from './browser.ts'
import { needTomcatBehind, openTomcatRig, shopFolder, type TomcatFront } from './rig.ts'
import { isLong, lingerEverywhere } from './shop-rolls.ts'

test.for<TomcatFront>(isLong ? ['haproxy', 'nginx'] : ['haproxy'])(
  'behind %s, two Tomcats and a node of Node.js share the login: all are rolled under traffic, and nobody notices',
  { timeout: 180_000 },
  async (balancer, context) => {
    needTomcatBehind(balancer)(context)
    const site = await openTomcatRig({ balancer, nodes: 3, mixed: true })
    onTestFinished(site.remove)
    const [tomcat = '', second = '', nodeJs = ''] = site.ports.map((port) => `http://127.0.0.1:${port}`)

    const browser = openBrowser(tomcat)
    await browser.loginByForm('ann')
    await browser.put('Green tea')
    browser.goTo(nodeJs)
    expect(await browser.me()).toMatchObject({ user: 'ann', cart: ['Green tea'], node: 'web-3' })
    await browser.put('Plum jam')

    const traffic = await site.traffic()
    const lingering = lingerEverywhere(site)
    const { exitCode, stderr } = await site.run('deploy', shopFolder('v2'), '--release', 'next')
    await lingering.finished()
    const verdict = await traffic.stop()
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0, users: 200 })
    expect(Object.keys(verdict.nodes).sort()).toEqual(site.nodeIds)
    expect(await nodesOf(site)).toEqual(allServing(site, 'next'))

    for (const url of [tomcat, second, nodeJs]) {
      browser.goTo(url)
      expect(await browser.me()).toMatchObject({ user: 'ann', cart: ['Green tea', 'Plum jam'], release: 'next' })
    }
    // Who ends it on one ends it on the other, and a login of Node.js is one of Tomcat.
    const other = browser.twin()
    await browser.logout()
    other.goTo(tomcat)
    expect(await other.me()).toMatchObject({ user: null, cart: [] })
    browser.goTo(nodeJs)
    await browser.login('bob')
    browser.goTo(tomcat)
    expect(await browser.me()).toMatchObject({ user: 'bob', node: 'web-1' })
  },
)
