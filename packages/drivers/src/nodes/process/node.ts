import { BatonError, type Node } from '@baton/core'
import { createReleaseStore, type ReleaseStoreOptions } from '../../releases/store.ts'
import { readLogTail } from '../../supervisor/app-log.ts'
import { createSupervisorClient } from '../../supervisor/client.ts'
import { appLogPath, nodeDir } from '../../supervisor/layout.ts'

export interface ProcessNodeOptions {
  readonly id: string
  /** Absolute path of the state folder, `.baton`: where the supervisor's socket and the node's releases are. */
  readonly stateDir: string
  readonly limits?: ReleaseStoreOptions['limits']
}

/**
 * A node that `baton up` supervises on this host. What runs is changed by the supervisor, which refuses stale tokens; the
 * releases' files are brought here, after the supervisor has let the token pass.
 */
export function createProcessNode({ id, stateDir, limits }: ProcessNodeOptions): Node {
  const supervisor = createSupervisorClient(stateDir)
  const releases = createReleaseStore({ dir: nodeDir(stateDir, id), ...(limits === undefined ? {} : { limits }) })

  const report = async (signal: AbortSignal) => {
    const found = (await supervisor.nodes(signal)).find((node) => node.id === id)
    if (found !== undefined) return found
    throw new BatonError('node-unknown', `the supervisor has no node ${id}`, {
      hint: 'baton.yaml was changed: restart baton up',
    })
  }

  return {
    id,
    driver: 'process',

    fence: (call) => supervisor.fence(call),
    async inspect({ signal }) {
      const { process, running, current, staged, restarts, lastExit } = await report(signal)
      return { process, running, current, staged, restarts, lastExit }
    },
    async stage(release, call) {
      await supervisor.fence(call)
      await releases.stage(release, call.signal)
    },
    verify: (releaseId, { signal }) => releases.verify(releaseId, signal),
    stop: (call) => supervisor.act(id, { verb: 'stop' }, call),
    activate: (release, call) => supervisor.act(id, { verb: 'activate', release }, call),
    start: (call) => supervisor.act(id, { verb: 'start' }, call),
    async prune(keep, call) {
      await supervisor.fence(call)
      const { running } = await report(call.signal)
      await releases.prune(running === null ? keep : [...keep, running])
    },
    logTail: (lines) => readLogTail(appLogPath(stateDir, id), lines),
  }
}
