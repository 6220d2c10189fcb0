import { realpath } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, BatonError, type NodeView, type ProcessAppConfig } from '@baton/core'
import type { ReleaseStore } from '../releases/store.ts'
import { endGroup } from '../shells/local/group.ts'
import { identify, isAlive } from '../shells/local/identity.ts'
import type { AppLog } from './app-log.ts'
import { launch } from './launch.ts'
import type { AppProcess, AppRecord } from './state.ts'
import { findStrays } from './strays.ts'

export interface AppOptions {
  readonly id: string
  readonly address: Address
  readonly app: ProcessAppConfig
  readonly sessionsStore: string
  readonly sessionsNamespace: string
  readonly releases: ReleaseStore
  readonly appLog: AppLog
  readonly backoff: Backoff
  /** What is known from a former supervisor; kept up to date. */
  readonly record: AppRecord
  /** Brings the record to disk. */
  save(): Promise<void>
  /** What tells this supervisor from others: the path of its socket. */
  readonly supervisor: string
  /** For the operator. */
  log(line: string): void
  /** When it aborts, what is being ended is killed at once. */
  readonly hurry: AbortSignal
}

/** Pauses between restarts: doubled from `minMs` to `maxMs`, and from the beginning again after `resetMs` of running. */
export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
  readonly resetMs: number
}

/** Throws where a command, when its turn comes, may not act any more. */
type Guard = () => void

/** One node's app, kept running while it should: its commands run one after the other. */
export interface App {
  /** Adopts the app that a former supervisor left running, or starts the one that should run. Never fails: it logs. */
  boot(): Promise<void>
  /** Resolves when the app is spawned. Does nothing while it runs; in a pause between restarts it starts at once. */
  start(guard: Guard): Promise<void>
  /** Resolves when every process of the app's group is gone. */
  stop(guard: Guard): Promise<void>
  activate(release: string, guard: Guard): Promise<void>
  /** Ends the app, but leaves it wanted: the next `boot` starts it again. */
  shutdown(): Promise<void>
  view(): Promise<AppView>
}

export interface AppView extends NodeView {
  readonly pid: number | null
}

/** How often an adopted app is looked after, whose exit nobody reports. */
const adoptedPollMs = 200

export function createApp(options: AppOptions): App {
  const { id, address, app, releases, record, backoff, save } = options
  let queue: Promise<unknown> = Promise.resolve()
  let restartTimer: NodeJS.Timeout | undefined
  let pauseMs = backoff.minMs
  let startedAt = 0
  let shuttingDown = false
  /** Those whose end is expected, or dealt with. */
  const settled = new WeakSet<AppProcess>()

  /** Resolve when the end of a process has been noted in the record. */
  const ends = new WeakMap<AppProcess, Promise<void>>()

  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.catch(() => {})
    return result
  }

  const note = async (text: string): Promise<void> => {
    options.log(`${id}: ${text}`)
    await options.appLog.note(text).catch((error) => options.log(`${id}: its log cannot be written: ${error.message}`))
  }

  /** What marks the app, and nothing else, as this supervisor's and this node's. */
  const mark = { BATON_NODE: id, BATON_SUPERVISOR: options.supervisor }

  const run = async (release: string): Promise<void> => {
    startedAt = Date.now()
    // The folder itself, not the link to it: what runs must not see other files when the link is switched.
    const cwd = await realpath(releases.releaseDir(release))
    await note(`starting release ${release}`)
    const env = {
      ...app.env,
      HOST: address.host,
      PORT: String(address.port),
      ...mark,
      BATON_RELEASE: release,
      BATON_SESSION_STORE: options.sessionsStore,
      BATON_SESSION_NAMESPACE: options.sessionsNamespace,
      BATON_SHARED: releases.sharedDir,
    }
    const logFile = await options.appLog.open()
    try {
      const { exited, ...identity } = await launch({ argv: app.command, cwd, env, logFd: logFile.fd })
      const process = { ...identity, release, host: address.host, port: address.port }
      record.process = process
      ends.set(
        process,
        exited.then((how) => onEnd(process, how)),
      )
    } finally {
      await logFile.close()
    }
    await save()
  }

  const onEnd = (process: AppProcess, how: string): void => {
    if (settled.has(process)) return
    settled.add(process)
    record.lastExit = how
    record.restarts++
    inBackground(async () => {
      if (record.process !== process) return
      await end(process)
      await restartLater()
      await save()
    })
  }

  /** Started by hand or by itself: what cannot be started is tried again like what ends at once. */
  const runOrRetry = async (): Promise<void> => {
    const release = await releases.current()
    if (release === null) {
      throw new BatonError('release-missing', `node ${id} has no release to start yet`, { hint: 'run baton deploy' })
    }
    try {
      await run(release)
    } catch (error) {
      if (record.process === null) {
        record.lastExit = (error as Error).message
        record.restarts++
        await restartLater()
      }
      throw error
    }
  }

  const restartLater = async (): Promise<void> => {
    if (record.desired !== 'running' || shuttingDown) return
    if (Date.now() - startedAt >= backoff.resetMs) pauseMs = backoff.minMs
    await note(`ended: ${record.lastExit}; starting it again in ${pauseMs} ms`)
    clearTimeout(restartTimer)
    restartTimer = setTimeout(() => inBackground(restart), pauseMs)
    pauseMs = Math.min(pauseMs * 2, backoff.maxMs)
  }

  const restart = async (): Promise<void> => {
    if (record.desired === 'running' && record.process === null && !shuttingDown) await runOrRetry()
  }

  const inBackground = (work: () => Promise<void>): void => {
    exclusive(work).catch((error) => options.log(`${id}: ${error.message}`))
  }

  /** Ends what is left of a process and its group, unless the pid belongs to someone else by now. */
  const end = async (process: AppProcess): Promise<void> => {
    settled.add(process)
    const owner = await identify(process.pid)
    if (owner === null || owner.startTime === process.startTime) {
      await endGroup(process.pid, { graceMs: app.stopTimeoutMs, hurry: options.hurry })
    }
    if (record.process === process) record.process = null
  }

  const endStrays = async (): Promise<void> => {
    for (const group of await findStrays(mark)) {
      await note(`process group ${group} was left behind by an earlier baton up: it is ended`)
      await endGroup(group, { graceMs: app.stopTimeoutMs, hurry: options.hurry })
    }
  }

  const watchAdopted = async (process: AppProcess): Promise<void> => {
    while (!settled.has(process)) {
      if (!(await isAlive(process)))
        return onEnd(process, 'ended; how is not known, it was started by an earlier baton up')
      await sleep(adoptedPollMs, undefined, { ref: false })
    }
  }

  /** Goes on with the app that an earlier supervisor noted down, or clears it away; true if it goes on. */
  const adopt = async (process: AppProcess): Promise<boolean> => {
    if (!(await isAlive(process))) {
      record.lastExit = 'ended while no baton up was running'
      record.restarts++
      // Its group is not signalled: after so long the number may be another's. What is left of it is found as a stray.
      record.process = null
      return false
    }
    const fits = process.host === address.host && process.port === address.port
    if (!fits || record.desired !== 'running') {
      await end(process)
      return false
    }
    startedAt = Date.now()
    await note(`goes on with pid ${process.pid}, release ${process.release}`)
    ends.set(
      process,
      watchAdopted(process).catch((error) => options.log(`${id}: ${error.message}`)),
    )
    return true
  }

  return {
    boot: () =>
      exclusive(async () => {
        if (record.process !== null && (await adopt(record.process))) return
        await endStrays()
        await save()
        if (record.desired === 'running' && (await releases.current()) !== null) await runOrRetry()
      }).catch((error) => options.log(`${id}: ${error.message}`)),

    start: (guard) =>
      exclusive(async () => {
        guard()
        if (record.process !== null && (await isAlive(record.process))) return
        clearTimeout(restartTimer)
        if (record.process !== null) await end(record.process)
        record.desired = 'running'
        record.restarts = 0
        pauseMs = backoff.minMs
        await save()
        await runOrRetry()
      }),

    stop: (guard) =>
      exclusive(async () => {
        guard()
        clearTimeout(restartTimer)
        record.desired = 'stopped'
        await save()
        if (record.process === null) return
        await note('stopping')
        await end(record.process)
        await save()
      }),

    activate: (release, guard) =>
      exclusive(async () => {
        guard()
        await releases.activate(release)
      }),

    shutdown() {
      shuttingDown = true
      clearTimeout(restartTimer)
      return exclusive(async () => {
        if (record.process === null) return
        await end(record.process)
        await save()
      })
    },

    async view() {
      const { process } = record
      const alive = process !== null && (await isAlive(process))
      // Dead, but not yet told so: how it ended belongs to the view.
      if (process !== null && !alive) await ends.get(process)
      const crashed = record.desired === 'running' && (process !== null || record.restarts > 0)
      return {
        process: alive ? 'running' : crashed ? 'crashed' : 'stopped',
        running: alive ? process.release : null,
        current: await releases.current(),
        staged: await releases.list(),
        restarts: record.restarts,
        lastExit: record.lastExit,
        pid: alive ? process.pid : null,
      }
    },
  }
}
