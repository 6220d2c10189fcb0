import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, BatonError } from '@baton/core'
import { isAlive } from '../../shells/local/identity.ts'
import { statusPath } from './configuration.ts'
import type { TomcatLayout } from './layout.ts'
import { wordsOfFailure } from './log.ts'
import type { RunningTomcat } from './process.ts'
import type { TomcatRecord } from './record.ts'

export interface Awaited {
  readonly id: string
  readonly address: Address
  readonly layout: TomcatLayout
  readonly record: TomcatRecord
  readonly tomcat: RunningTomcat
  readonly withinMs: number
}

const pollMs = 50
const answerWithinMs = 2000

/**
 * Waits until this Tomcat listens and its web application runs. Tomcat itself starts whatever becomes of the application, and
 * answers 404: fails at once with `webapp-failed` then, and with `app-crashed` where the process ends. Resolves after `withinMs`
 * as well: an application may take its time, and how long that may be is for the check of its health to say.
 */
export async function untilReady(awaited: Awaited, signal: AbortSignal): Promise<void> {
  const { id, address, layout, record, tomcat } = awaited
  const deadline = Date.now() + awaited.withinMs
  while (Date.now() < deadline) {
    signal.throwIfAborted()
    const state = await askState(address, statusPath(record.secret))
    const alive = await isAlive(tomcat)
    if (alive && state === 'UP') return
    if (alive && state !== 'DOWN') {
      await sleep(pollMs, undefined, { signal })
      continue
    }
    const log = await wordsOfFailure(layout.log, record.logFrom)
    if (!alive) {
      throw new BatonError('app-crashed', `Tomcat of ${id} ended while it started`, { hint: `see ${layout.log}`, log })
    }
    throw new BatonError(
      'webapp-failed',
      `Tomcat of ${id} runs, but the web application of release ${tomcat.release} failed to start in it`,
      { hint: `see ${layout.log}; the errors in it are shown here`, log },
    )
  }
}

/** null where nothing answers, or something else than this Tomcat. */
function askState(address: Address, path: string): Promise<'UP' | 'DOWN' | null> {
  return new Promise((resolve) => {
    const host = address.host === '0.0.0.0' ? '127.0.0.1' : address.host === '::' ? '::1' : address.host
    const sent = request({ host, port: address.port, path, agent: false, timeout: answerWithinMs }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text = (text + chunk).slice(0, 200)
      })
      answer.on('end', () =>
        resolve((/^\{\s*"status": *"(UP|DOWN)"/.exec(text)?.[1] as 'UP' | 'DOWN' | undefined) ?? null),
      )
      answer.on('error', () => resolve(null))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(null))
    sent.end()
  })
}
