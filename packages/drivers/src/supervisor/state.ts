import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BatonError } from '@baton/core'
import { writeAtomically } from '../durable.ts'
import { explainDiskFull } from '../releases/disk-full.ts'
import type { ProcessIdentity } from '../shells/local/identity.ts'

/** What a supervisor must know again after a crash. */
interface SupervisorState {
  /** The newest lock token seen. */
  token: number
  readonly nodes: Record<string, AppRecord>
}

export interface AppRecord {
  desired: 'running' | 'stopped'
  process: AppProcess | null
  /** Times the app ended by itself since it was last told to start. */
  restarts: number
  lastExit: string | null
}

export interface AppProcess extends ProcessIdentity {
  readonly release: string
  readonly host: string
  readonly port: number
}

export interface StateFile {
  readonly state: SupervisorState
  /** A node never heard of should run: the first `up` starts it as soon as there is a release. */
  record(node: string): AppRecord
  /** Resolves when everything changed up to now is on disk. */
  save(): Promise<void>
}

export async function openStateFile(path: string): Promise<StateFile> {
  const state = await readState(path)
  let writing: Promise<void> = Promise.resolve()
  return {
    state,

    record(node) {
      state.nodes[node] ??= { desired: 'running', process: null, restarts: 0, lastExit: null }
      return state.nodes[node]
    },

    save() {
      const write = async () => {
        try {
          await writeAtomically(path, `${JSON.stringify(state, null, 2)}\n`)
        } catch (error) {
          throw explainDiskFull(error, { writing: "the supervisor's state", dir: dirname(path) })
        }
      }
      writing = writing.then(write, write)
      return writing
    },
  }
}

async function readState(path: string): Promise<SupervisorState> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { token: 0, nodes: {} }
    throw new BatonError('supervisor-state-damaged', `${path} cannot be read: ${(error as Error).message}`, {
      hint: `stop the apps by hand, remove ${path} and run baton up again`,
      cause: error,
    })
  }
}
