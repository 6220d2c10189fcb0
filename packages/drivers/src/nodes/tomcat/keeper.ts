import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BatonError } from '@baton/core'
import { endTomcat } from './end.ts'
import { tomcatLayout } from './layout.ts'
import { tomcatLog } from './log.ts'
import { findByPidFile, findTomcat } from './process.ts'
import { readRecord } from './record.ts'
import { createTomcat, type Tomcat, type TomcatOptions } from './tomcat.ts'

export interface TomcatKeeperOptions {
  /** Absolute path of the state folder, `.baton`. */
  readonly stateDir: string
  readonly nodes: readonly TomcatOptions[]
  /** A line for the operator, without its end. */
  log(line: string): void
  /** Pauses between restarts, doubled from `minMs` to `maxMs`, anew after `resetMs` of running. Default 250 ms, 30 s, 60 s. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number; readonly resetMs: number }
}

/** Keeps the Tomcats of this host running that should run, beside deploys that start and stop them. */
export interface TomcatKeeper {
  /** Resolves when those that should run are started or found running. What cannot be started is logged and tried again. */
  start(): Promise<void>
  /** Ends them, all at once; they stay wanted. When `hurry` aborts they are killed. */
  stop(options: { readonly hurry: AbortSignal }): Promise<void>
}

const lookEveryMs = 250
const rotateEveryMs = 5000

export function createTomcatKeeper(options: TomcatKeeperOptions): TomcatKeeper {
  const { stateDir, log, backoff = { minMs: 250, maxMs: 30_000, resetMs: 60_000 } } = options
  const tomcats = options.nodes.map((node) => createTomcat(node))
  const stopping = new AbortController()
  const { signal } = stopping
  let watches: readonly Promise<void>[] = []

  const say = (id: string, error: unknown): void => {
    if (signal.aborted) return
    const { message, log: lines = [] } = error as BatonError
    log([`${id}: ${message}`, ...lines].join('\n'))
  }

  const boot = async (tomcat: Tomcat): Promise<void> => {
    try {
      const done = await tomcat.boot(signal)
      if (done === 'nothing') return
      const found = await findByPidFile(join(stateDir, 'nodes', tomcat.id))
      log(
        `${tomcat.id}: ${done === 'adopted' ? 'goes on with' : 'Tomcat started,'} pid ${found?.pid}, release ${found?.release}`,
      )
    } catch (error) {
      say(tomcat.id, error)
    }
  }

  const watch = async (tomcat: Tomcat): Promise<void> => {
    const dir = join(stateDir, 'nodes', tomcat.id)
    let [pauseMs, aliveSince, rotateAt] = [backoff.minMs, Date.now(), 0]
    while (!signal.aborted) {
      try {
        await sleep(lookEveryMs, undefined, { signal })
        if (Date.now() >= rotateAt) {
          rotateAt = Date.now() + rotateEveryMs
          await tomcatLog(tomcat.layout.log).rotateIfLarge()
        }
        const isUp =
          (await findByPidFile(dir)) !== null || (await readRecord(tomcat.layout.recordFile))?.desired !== 'running'
        if (isUp || !(await tomcat.hasCrashed(signal))) continue
        if (Date.now() - aliveSince >= backoff.resetMs) pauseMs = backoff.minMs
        log(`${tomcat.id}: Tomcat ended by itself; starting it again in ${pauseMs} ms`)
        await sleep(pauseMs, undefined, { signal })
        pauseMs = Math.min(pauseMs * 2, backoff.maxMs)
        aliveSince = Date.now()
        await tomcat.revive(signal)
        const found = await findByPidFile(dir)
        if (found !== null) log(`${tomcat.id}: Tomcat started, pid ${found.pid}, release ${found.release}`)
      } catch (error) {
        say(tomcat.id, error)
      }
    }
  }

  /** Nobody would ever stop the Tomcat of a node that was taken out of the configuration. */
  const endForgotten = async (): Promise<void> => {
    const names = await readdir(join(stateDir, 'nodes')).catch(() => [])
    for (const name of names.filter((each) => !tomcats.some(({ id }) => id === each))) {
      const dir = join(stateDir, 'nodes', name)
      if (!(await stat(tomcatLayout(dir).pidFile).catch(() => null))?.isFile()) continue
      const tomcat = await findTomcat(dir)
      if (tomcat === null) continue
      log(`${name}: is no Tomcat node any more, its Tomcat is stopped`)
      await endTomcat(tomcat, { graceMs: 15_000 })
    }
  }

  return {
    async start() {
      await endForgotten()
      await Promise.all(tomcats.map(boot))
      watches = tomcats.map(watch)
    },

    async stop({ hurry }) {
      stopping.abort()
      await Promise.all(watches)
      await Promise.all(tomcats.map((tomcat) => tomcat.rest({ hurry })))
    },
  }
}
