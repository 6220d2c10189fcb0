import { mkdir } from 'node:fs/promises'
import type { Address, ProcessAppConfig } from '@baton/core'
import { createReleaseStore } from '../releases/store.ts'
import { endGroup } from '../shells/local/group.ts'
import { isAlive } from '../shells/local/identity.ts'
import { type Backend, createApi } from './api.ts'
import { type App, type Backoff, createApp } from './app.ts'
import { type AppLog, type AppLogOptions, createAppLog } from './app-log.ts'
import { createFence } from './fence.ts'
import { appLogPath, nodeDir, supervisorSocketPath, supervisorStatePath } from './layout.ts'
import { listenPrivately } from './socket.ts'
import { openStateFile, type StateFile } from './state.ts'

export interface SupervisorOptions {
  /** Absolute path of the state folder, `.baton`. */
  readonly stateDir: string
  readonly nodes: readonly SupervisedNode[]
  /** Handed to the apps as BATON_SESSION_STORE. */
  readonly sessionsStore: string
  /** Handed to the apps as BATON_SESSION_NAMESPACE. */
  readonly sessionsNamespace: string
  /** A line for the operator, without its end. */
  log(line: string): void
  /** Default 250 ms to 30 s, from the beginning again after 60 s of running. */
  readonly backoff?: Backoff
  /** Default 10 MB, 5 files, looked at every 5 s. */
  readonly rotation?: AppLogOptions & { readonly everyMs: number }
}

export interface SupervisedNode {
  readonly id: string
  readonly address: Address
  readonly app: ProcessAppConfig
}

/** Runs the apps of the nodes with driver `process`, and is told what to do on a socket in the state folder. */
export interface Supervisor {
  /**
   * Resolves when the socket answers, the apps that an earlier supervisor left running are adopted and the others that
   * should run are started. An app that cannot be started is logged and tried again. Fails with `already-running` or
   * `socket-path-too-long`.
   */
  start(): Promise<void>
  /** Ends the apps, all at once; they stay wanted, so that the next `start` starts them. When `hurry` aborts they are killed. */
  stop(options?: { readonly hurry?: AbortSignal }): Promise<void>
}

const defaultBackoff: Backoff = { minMs: 250, maxMs: 30_000, resetMs: 60_000 }
const defaultRotation = { maxBytes: 10_000_000, keep: 5, everyMs: 5000 }

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { stateDir, log } = options
  const rotation = options.rotation ?? defaultRotation
  const apps = new Map<string, { address: string; app: App }>()
  const hurry = new AbortController()
  let opened: Promise<void> = Promise.resolve()
  let close: () => Promise<void> = async () => {}

  const makeApp = (node: SupervisedNode, state: StateFile, appLog: AppLog): App =>
    createApp({
      ...node,
      appLog,
      releases: createReleaseStore({ dir: nodeDir(stateDir, node.id) }),
      sessionsStore: options.sessionsStore,
      sessionsNamespace: options.sessionsNamespace,
      backoff: options.backoff ?? defaultBackoff,
      record: state.record(node.id),
      save: state.save,
      supervisor: supervisorSocketPath(stateDir),
      log,
      hurry: hurry.signal,
    })

  /** Nobody would ever stop the app of a node that was taken out of the configuration. */
  const endForgotten = async (state: StateFile): Promise<void> => {
    for (const [id, { process }] of Object.entries(state.state.nodes)) {
      if (apps.has(id)) continue
      if (process !== null && (await isAlive(process))) {
        log(`${id}: is no node any more, its app is stopped`)
        await endGroup(process.pid, { graceMs: 15_000, hurry: hurry.signal })
      }
      delete state.state.nodes[id]
    }
  }

  const boot = async (state: StateFile, logs: ReadonlyMap<string, AppLog>): Promise<void> => {
    for (const node of options.nodes) {
      const app = makeApp(node, state, logs.get(node.id) as AppLog)
      apps.set(node.id, { address: `${node.address.host}:${node.address.port}`, app })
    }
    await endForgotten(state)
    await Promise.all([...apps.values()].map(({ app }) => app.boot()))
  }

  const open = async (): Promise<void> => {
    await mkdir(stateDir, { recursive: true })
    let answerFrom: (backend: Backend) => void = () => {}
    const api = createApi(
      new Promise((resolve) => {
        answerFrom = resolve
      }),
    )
    // First the socket: whoever has it may touch the apps.
    await listenPrivately(api, supervisorSocketPath(stateDir))
    const logs = new Map(options.nodes.map(({ id }) => [id, createAppLog(appLogPath(stateDir, id), rotation)]))
    const rotating = setInterval(() => {
      for (const [id, appLog] of logs) appLog.rotateIfLarge().catch((error) => log(`${id}: ${error.message}`))
    }, rotation.everyMs)
    close = async () => {
      const closed = new Promise((resolve) => api.close(resolve))
      await Promise.all([...apps.values()].map(({ app }) => app.shutdown()))
      clearInterval(rotating)
      api.closeAllConnections()
      await closed
    }
    try {
      const state = await openStateFile(supervisorStatePath(stateDir))
      await boot(state, logs)
      answerFrom({ apps, fence: createFence(state) })
    } catch (error) {
      await close()
      throw error
    }
  }

  return {
    start() {
      opened = open()
      return opened
    },

    async stop({ hurry: impatience } = {}) {
      if (impatience?.aborted) hurry.abort()
      impatience?.addEventListener('abort', () => hurry.abort(), { once: true })
      // An app must not be started after all were ended. What a failed start failed with, its caller has been told.
      await opened.catch(() => {})
      await close()
    },
  }
}
