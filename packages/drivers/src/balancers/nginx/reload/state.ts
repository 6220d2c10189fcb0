import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Address, BatonError, formatAddress } from '@baton/core'
import { writeAtomically } from '../../../durable.ts'
import { exclusively } from '../../../locks/exclusive.ts'
import { explainDiskFull } from '../../../releases/disk-full.ts'
import type { ProcessIdentity } from '../../../shells/local/identity.ts'

/** What is wanted of nginx, and the newest lock token: nginx itself keeps neither. */
export interface ReloadState {
  readonly token: number
  /** Whether the file may have `keepalive_min_timeout` in it. */
  readonly hasMinTimeout: boolean
  readonly nodes: readonly ReloadNode[]
}

export interface ReloadNode {
  readonly id: string
  /** host:port */
  readonly address: string
  readonly admin: 'in' | 'out'
  readonly weight: number
  /** Of baton.yaml at the last install: another one there replaces `weight`. */
  readonly configuredWeight: number
  /** The workers that had the node in their upstream when it was taken out. */
  readonly leaving: readonly ProcessIdentity[]
}

export interface ConfiguredNode {
  readonly id: string
  readonly address: Address
  readonly weight: number
}

export interface StateFile {
  /** null before the first install; fails with `nginx-state-damaged`. */
  read(): Promise<ReloadState | null>
  write(state: ReloadState): Promise<void>
  /** Does the work while nobody else, in any process, changes the state or nginx; waits for its turn until the signal aborts. */
  alone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function createStateFile(stateDir: string): StateFile {
  const path = join(stateDir, 'reload.json')
  return {
    async read() {
      try {
        return JSON.parse(await readFile(path, 'utf8')) as ReloadState
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw new BatonError('nginx-state-damaged', `${path} cannot be read: ${(error as Error).message}`, {
          hint: `remove ${path} and run baton balancer install: every node is in again then`,
          cause: error,
        })
      }
    },

    async write(state) {
      try {
        await writeAtomically(path, `${JSON.stringify(state, null, 2)}\n`)
      } catch (error) {
        throw explainDiskFull(error, { writing: "the balancer's state", dir: stateDir })
      }
    },

    alone: (signal, work) => exclusively({ dir: join(stateDir, 'lock'), purpose: 'a change of nginx', signal }, work),
  }
}

/** The nodes of baton.yaml as they were left: new ones are in, and a changed weight or address counts. */
export function mergeNodes(configured: readonly ConfiguredNode[], state: ReloadState | null): ReloadNode[] {
  return configured.map(({ id, address, weight }) => {
    const last = state?.nodes.find((node) => node.id === id)
    const fresh = { id, address: formatAddress(address), weight, configuredWeight: weight }
    if (last === undefined) return { ...fresh, admin: 'in', leaving: [] }
    return { ...last, ...fresh, weight: last.configuredWeight === weight ? last.weight : weight }
  })
}
