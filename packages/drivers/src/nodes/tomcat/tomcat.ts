import { type Address, formatAddress, type NodeView, type TomcatAppConfig } from '@baton/core'
import { exclusively } from '../../locks/exclusive.ts'
import { createReleaseStore, type ReleaseStore, type ReleaseStoreOptions } from '../../releases/store.ts'
import type { SessionSettings } from './configuration.ts'
import { endTomcat } from './end.ts'
import { launchTomcat } from './launch.ts'
import { type TomcatLayout, tomcatLayout } from './layout.ts'
import { findByPidFile, findTomcat, type RunningTomcat } from './process.ts'
import { untilReady } from './ready.ts'
import { newRecord, readRecord, writeRecord } from './record.ts'

export interface TomcatOptions {
  readonly id: string
  readonly address: Address
  readonly app: TomcatAppConfig
  /** The node's folder on this host, `<stateDir>/nodes/<node>`; absolute. */
  readonly dir: string
  /** Where sessions live; null: in the memory of this Tomcat. */
  readonly sessions: SessionSettings | null
  /** The port in the URLs of clients that come by http, as the balancer's. Default 80. */
  readonly clientPort?: number
  /** How long `start` waits for the web application. Default 60 s. */
  readonly readyWithinMs?: number
  readonly limits?: ReleaseStoreOptions['limits']
}

/** Throws where a command, when its turn comes, may not act any more. */
type Guard = () => Promise<void>

/** One node's Tomcat on this host. Deploys and `baton up` have one each: all that they know is on the disk. */
export interface Tomcat {
  readonly id: string
  readonly layout: TomcatLayout
  readonly releases: ReleaseStore
  view(): Promise<NodeView>
  /** Does nothing but wait where it runs. */
  start(guard: Guard, signal: AbortSignal): Promise<void>
  stop(guard: Guard, signal: AbortSignal): Promise<void>
  activate(release: string, guard: Guard, signal: AbortSignal): Promise<void>
  prune(keep: readonly string[], guard: Guard, signal: AbortSignal): Promise<void>
  /** What `baton up` does as it starts: goes on with the one that runs, or starts the one that should. What was done. */
  boot(signal: AbortSignal): Promise<'adopted' | 'started' | 'nothing'>
  /** Whether it should run and does not, while nobody is about to change that. */
  hasCrashed(signal: AbortSignal): Promise<boolean>
  /** Starts it if it has crashed, and counts that. */
  revive(signal: AbortSignal): Promise<void>
  /** Ends it, but leaves it wanted: the next `boot` starts it again. When `hurry` aborts it is killed. */
  rest(options: { readonly hurry: AbortSignal }): Promise<void>
}

const restWaitsMs = 30_000

export function createTomcat(options: TomcatOptions): Tomcat {
  const { id, address, app, dir, sessions, clientPort = 80, readyWithinMs = 60_000 } = options
  const layout = tomcatLayout(dir)
  const releases = createReleaseStore({ dir, ...(options.limits === undefined ? {} : { limits: options.limits }) })
  const settings = { id, nodeDir: dir, layout, address, app, sessions, clientPort, releases }

  const record = () => readRecord(layout.recordFile)
  /** A deploy and `baton up` both start a node's Tomcat. */
  const alone = <T>(signal: AbortSignal, work: () => Promise<T>) =>
    exclusively({ dir: layout.lockDir, purpose: `a change of ${id}`, signal }, work)
  const end = (tomcat: RunningTomcat, hurry?: AbortSignal) =>
    endTomcat(tomcat, { graceMs: app.stopTimeoutMs, ...(hurry === undefined ? {} : { hurry }) })

  /** It is written down before the launch: whoever is killed in between leaves a Tomcat that should run and does not. */
  const launch = async (restarts: number): Promise<RunningTomcat> => {
    const wanted = { ...((await record()) ?? newRecord()), desired: 'running', restarts } as const
    return launchTomcat(settings, wanted)
  }

  const shouldRun = async (): Promise<boolean> =>
    (await record())?.desired === 'running' && (await findTomcat(dir)) === null

  return {
    id,
    layout,
    releases,

    async view() {
      const [tomcat, known] = [await findByPidFile(dir), await record()]
      const dead = known?.desired === 'running' ? 'crashed' : 'stopped'
      return {
        process: tomcat === null ? dead : 'running',
        running: tomcat === null || tomcat.release === '' ? null : tomcat.release,
        current: await releases.current(),
        staged: await releases.list(),
        restarts: known?.restarts ?? 0,
        lastExit: null,
      }
    },

    async start(guard, signal) {
      const tomcat = await alone(signal, async () => {
        await guard()
        return (await findTomcat(dir)) ?? launch(0)
      })
      const known = await record()
      if (known === null) return
      await untilReady({ id, address, layout, record: known, tomcat, withinMs: readyWithinMs }, signal)
    },

    stop: (guard, signal) =>
      alone(signal, async () => {
        await guard()
        const known = await record()
        if (known !== null) await writeRecord(layout.recordFile, { ...known, desired: 'stopped' })
        const tomcat = await findTomcat(dir)
        if (tomcat !== null) await end(tomcat)
      }),

    activate: (release, guard, signal) =>
      alone(signal, async () => {
        await guard()
        await releases.activate(release)
      }),

    prune: (keep, guard, signal) =>
      alone(signal, async () => {
        await guard()
        const running = (await findTomcat(dir))?.release
        await releases.prune(running === undefined ? keep : [...keep, running])
      }),

    boot: (signal) =>
      alone(signal, async () => {
        const [tomcat, known] = [await findTomcat(dir), await record()]
        const isHere = tomcat?.address === formatAddress(address)
        if (tomcat !== null && isHere) return 'adopted'
        if (tomcat !== null) await end(tomcat)
        if (known === null || known.desired === 'stopped') return 'nothing'
        await launch(known.desired === 'running' && tomcat === null ? known.restarts + 1 : known.restarts)
        return 'started'
      }),

    hasCrashed: (signal) => alone(signal, shouldRun),

    revive: (signal) =>
      alone(signal, async () => {
        if (await shouldRun()) await launch(((await record())?.restarts ?? 0) + 1)
      }),

    rest: ({ hurry }) =>
      alone(AbortSignal.timeout(restWaitsMs), async () => {
        const known = await record()
        if (known?.desired === 'running') await writeRecord(layout.recordFile, { ...known, desired: 'resting' })
        const tomcat = await findTomcat(dir)
        if (tomcat !== null) await end(tomcat, hurry)
      }),
  }
}
