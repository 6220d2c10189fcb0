import { BatonError } from '@baton/core'
import type { StateFile } from './state.ts'

/** Lets only the newest lock token act: whoever held the lock before, and wakes up late, changes nothing. */
export interface Fence {
  /** Makes the token the newest, on disk too. Fails with `stale-token` if a newer one has been seen. */
  admit(token: number): Promise<void>
  /** Throws `stale-token` if a newer one has come since. */
  assertNewest(token: number): void
}

export function createFence({ state, save }: StateFile): Fence {
  const assertNewest = (token: number): void => {
    if (token >= state.token) return
    throw new BatonError('stale-token', `lock token ${token} is outdated: ${state.token} has been seen`, {
      hint: 'another baton has taken over: see baton status',
    })
  }
  return {
    assertNewest,
    async admit(token) {
      assertNewest(token)
      if (token === state.token) return
      state.token = token
      await save()
    },
  }
}
