import { expect } from 'vitest'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { openBrowser } from './browser.ts'
import { shopWar, type TomcatRig } from './rig.ts'

/** Whether the stories are as long as before a release, which makes 20 rolls. */
export const isLong = rollsOr(0) > 2

/** How many rolls a story makes: BATON_TOMCAT_ROLLS, as before a release, or these. */
export function rollsOr(few: number): number {
  return Number(process.env.BATON_TOMCAT_ROLLS ?? few)
}

/**
 * Rolls the shop's WAR to v2, back to v1 and so on, under 100 requests/s, slow POSTs under way on every node. Fails where anybody
 * could have noticed.
 */
export async function rollShops(site: TomcatRig, { rolls }: { readonly rolls: number }): Promise<void> {
  const browser = openBrowser(site.url)
  await browser.login('ann')
  expect(await browser.me()).toMatchObject({ user: 'ann', taste: 'tea', trail: 'the street', unavailable: [] })
  const traffic = await site.traffic()
  for (let roll = 1; roll <= rolls; roll += 1) {
    const release = roll % 2 === 1 ? 'v2' : 'v1'
    // Once is enough where there is little time.
    const lingering = roll === 1 || isLong ? lingerEverywhere(site) : undefined
    const { exitCode, stderr } = await site.run('deploy', shopWar(release), '--release', `r${roll}`)
    expect({ roll, exitCode, stderr }).toEqual({ roll, exitCode: 0, stderr: '' })
    await lingering?.finished()
    // A class with another serialVersionUID, one that is gone, and one with a field more.
    const attributes =
      release === 'v2'
        ? { unavailable: ['taste', 'trail'], visit: expect.stringMatching(/somewhere$/) }
        : { unavailable: [], taste: 'tea', trail: 'the street' }
    expect(await browser.me()).toMatchObject({ user: 'ann', release: `r${roll}`, ...attributes })
  }
  const verdict = await traffic.stop()
  console.log(
    `${rolls} rolls: ${verdict.requests} requests, ${verdict.ratePerSecond.toFixed(0)}/s, late by ${verdict.worstLateMs.toFixed(0)} ms at worst`,
  )
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0, users: 200 })
  expect(verdict.ratePerSecond).toBeGreaterThan(90)
  expect(await nodesOf(site)).toEqual(allServing(site, `r${rolls}`))
}

/**
 * Slow POSTs under way on every node, which take longer than a Tomcat that stops waits for its requests, all of a deploy before the
 * first drain included: it is the drain that waits, and nobody may send a POST again. `finished` fails unless all were answered.
 */
export function lingerEverywhere(site: TomcatRig): { finished(): Promise<void> } {
  const browser = openBrowser(site.url)
  // So many that each node has some.
  const lingering = Array.from({ length: 4 * site.nodeIds.length }, () => browser.linger(4_000))
  return {
    async finished() {
      const lingered = await Promise.all(lingering)
      expect(lingered.filter(({ status }) => status !== 200)).toEqual([])
      expect(new Set(lingered.map(({ node }) => node))).toEqual(new Set(site.nodeIds))
    },
  }
}
