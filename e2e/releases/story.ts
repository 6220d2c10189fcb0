import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeploySummary } from '@baton/core'
import { type CliExit, waitFor } from '@baton/testkit'
import { expect } from 'vitest'
import type { Rig } from '../rig.ts'
import { secretWords } from './release.ts'

/** Two nodes run a good release under traffic, while something goes wrong. */
export interface Story {
  /** Runs `act` under 100 requests/s. Fails where a request failed, or an order or a login was lost. */
  unnoticed<T>(act: () => Promise<T>): Promise<T>
  /** Fails where a node does not serve, healthy, the release `release`. */
  serves(release: string): Promise<void>
  /** The newest deploy, as `baton history` tells it. */
  newest(): Promise<DeploySummary>
  /** Fails where one of the configuration's secrets stands in these outputs, or in a journal. */
  keepsSecrets(...exits: readonly CliExit[]): Promise<void>
}

export function createStory(rig: Rig): Story {
  const newest = async () => {
    const { stdout } = await rig.run('history', '--json')
    return JSON.parse(stdout.split('\n')[0] ?? '') as DeploySummary
  }

  return {
    newest,

    async unnoticed(act) {
      const traffic = await rig.traffic({ ratePerSecond: 100 })
      const result = await act().catch(async (error) => {
        await traffic.stop()
        throw error
      })
      // A refusal may come so soon that hardly anybody could have noticed: the traffic goes on until many could.
      await waitFor(() => traffic.snapshot().requests > 150, { what: '150 answers' })
      const verdict = await traffic.stop()
      expect(verdict.problems).toEqual([])
      expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
      expect(verdict.requests).toBeGreaterThan(100)
      return result
    },

    async serves(release) {
      const { nodes } = await rig.status()
      expect(nodes).toEqual(
        rig.nodeIds.map((id) => expect.objectContaining({ id, state: 'serving', healthy: true, release })),
      )
    },

    async keepsSecrets(...exits) {
      const folder = join(rig.folder, '.baton/deploys')
      const journals = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')))
      const told = [...journals, ...exits.flatMap(({ stdout, stderr }) => [stdout, stderr])].join('\n')
      expect(secretWords.filter((word) => told.includes(word))).toEqual([])
    },
  }
}
