import { expect } from 'vitest'
import { type Rig, shopRelease } from '../rig.ts'

/** How many rolls a story makes: BATON_ROLLS, as before a release, or these. */
export function rollsOr(few: number): number {
  return Number(process.env.BATON_ROLLS ?? few)
}

/** Rolls the shop again and again under 200 requests/s. Fails where anybody could have noticed. */
export async function rollUnderTraffic(site: Rig, { rolls }: { readonly rolls: number }): Promise<void> {
  const traffic = await site.traffic()
  for (let roll = 1; roll <= rolls; roll += 1) {
    const { exitCode, stderr } = await site.run(
      'deploy',
      shopRelease(roll % 2 === 1 ? 'v2' : 'v1'),
      '--release',
      `r${roll}`,
    )
    expect({ roll, exitCode, stderr }).toEqual({ roll, exitCode: 0, stderr: '' })
  }
  const verdict = await traffic.stop()
  console.log(
    `${rolls} rolls: ${verdict.requests} requests, ${verdict.ratePerSecond.toFixed(0)}/s, p99 ${verdict.phases.before?.p99Ms} ms, late by ${verdict.worstLateMs.toFixed(0)} ms at worst`,
  )
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
  expect(verdict.requests).toBeGreaterThan(300 * rolls)
  expect(verdict.ratePerSecond).toBeGreaterThan(180)
  const status = await site.status()
  expect(status.release).toBe(`r${rolls}`)
}
