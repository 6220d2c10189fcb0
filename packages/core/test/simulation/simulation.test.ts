import { expect, test } from 'vitest'
import { playSchedule } from './schedule.ts'

const schedules = Number(process.env.BATON_SIMULATIONS ?? 100_000)
const only = process.env.BATON_SIMULATION_SEED

test(`${schedules} schedules of faults, delays, crashes and restarts keep every invariant and come to a clean end`, {
  timeout: 240_000,
}, () => {
  const outcomes: Record<string, number> = {}
  let crashes = 0
  const seeds = only === undefined ? Array.from({ length: schedules }, (_, i) => i + 1) : [Number(only)]
  for (const seed of seeds) {
    try {
      const told = playSchedule(seed)
      outcomes[told.outcome] = (outcomes[told.outcome] ?? 0) + 1
      crashes += told.crashes
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message} (replay it with BATON_SIMULATION_SEED=${seed})`, {
        cause: error,
      })
    }
  }
  console.log('outcomes', outcomes, 'crashes', crashes)
  if (only !== undefined) return
  // The schedules are rough enough to see every end.
  for (const outcome of ['succeeded', 'rolled-back', 'aborted'])
    expect(outcomes[outcome] ?? 0).toBeGreaterThan(schedules / 100)
  expect(crashes).toBeGreaterThan(schedules / 10)
})
