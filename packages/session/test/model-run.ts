import type { SessionStore } from '../src/stores/store.ts'
import { runSchedule } from './model-schedule.ts'

export interface ModelRun {
  /** So many schedules, unless the environment says otherwise. */
  readonly schedules: number
  /** Seeds to pass over, for a run in several parts. */
  readonly skip?: number
  /** One connection for each client. */
  readonly make: () => SessionStore
  readonly isCached?: boolean
}

export const firstSeed = Number(process.env.BATON_SESSION_SEED ?? Math.floor(Math.random() * 2 ** 31))

const clients = 3
/** Most of a schedule is waiting. */
const atATime = 150

/**
 * Three clients do at random, all at once, whatever a store can do with the sessions of one browser; what they are
 * answered has to be what one store would answer that does one thing at a time. BATON_SESSION_SCHEDULES says how many
 * schedules of each kind there are, BATON_SESSION_SEED with which the first of them begins.
 * Rejects with the first schedule that nothing explains, and its seed.
 */
export async function runModel({ schedules, skip = 0, make, isCached = false }: ModelRun): Promise<void> {
  const count = Number(process.env.BATON_SESSION_SCHEDULES ?? schedules)
  const stores = Array.from({ length: clients }, make)
  let next = 0
  const lanes = Array.from({ length: atATime }, async () => {
    while (next < count) await runSchedule({ seed: firstSeed + skip + next++, stores, isCached })
  })
  try {
    await Promise.all(lanes)
  } finally {
    next = count
    await Promise.allSettled(lanes)
    await Promise.all(stores.map((store) => store.close()))
  }
}
